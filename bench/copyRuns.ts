// Follows runs and says what that took: node bench/copyRuns.ts HOME link|local RUNS. With "link" they are copied from an agent, with "local" they lie here.
// A line on standard input asks for what was used since the last one: milliseconds of this process's and of the agent's CPU, and events stored.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { statement } from "../db/database.ts";
import { homeAt } from "../backend/home.ts";
import { Mirrors, shellChannel } from "../backend/fixtures/remoteMirrors.ts";

const [home, how, runs] = process.argv.slice(2);
let agent: number | undefined;
const mirrors = new Mirrors(homeAt(home), () => ({
  python: "python3", runs: runs!,
  open: (command) => {
    const channel = shellChannel(command);
    agent = channel.pid;
    return channel;
  },
}));
await mirrors.start();
if (how === "link") for (const { directory } of (await mirrors.remotes.list("box", null)).runs) await mirrors.remotes.attach("box", directory);

/** User and system time of a process, in milliseconds. */
function cpu(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
const events = () => statement<{ n: number }>(mirrors.db, "SELECT coalesce(sum(ordinal), 0) AS n FROM run").get()!.n;
let before = { own: cpu(process.pid), agent: cpu(agent), events: events() };
process.stdout.write("following\n");
for await (const _ of createInterface(process.stdin)) {
  const now = { own: cpu(process.pid), agent: cpu(agent), events: events() };
  process.stdout.write(`${JSON.stringify({ own: now.own - before.own, agent: now.agent - before.agent, events: now.events - before.events })}\n`);
  before = now;
}
await mirrors.close();
