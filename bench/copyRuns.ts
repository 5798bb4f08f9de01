// Follows runs and says what that took: node bench/copyRuns.ts HOME link|local RUNS. With "link" they are copied from an agent, with "local" they lie here.
// A line on standard input asks for what was used since the last one: milliseconds of this process's and of the agent's CPU, events stored, and after how
// many milliseconds: at most, of the oldest event in each of the batches that were stored.
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
/** Of each run when its newest stored event was written: the oldest of the next batch was written after that. */
const newest = new Map<string, number>();
let delays: number[] = [];
mirrors.onStored = (id) => {
  const { at } = statement<{ at: number | null }>(mirrors.db, "SELECT last_event_at AS at FROM run WHERE id = ?").get(id)!, before = newest.get(id);
  if (at === null || at === before) return;
  if (before !== undefined) delays.push(Date.now() - before * 1000);
  newest.set(id, at);
};
const events = () => statement<{ n: number }>(mirrors.db, "SELECT coalesce(sum(ordinal), 0) AS n FROM run").get()!.n;
let before = { own: cpu(process.pid), agent: cpu(agent), events: events() };
process.stdout.write("following\n");
for await (const _ of createInterface(process.stdin)) {
  const now = { own: cpu(process.pid), agent: cpu(agent), events: events() };
  process.stdout.write(`${JSON.stringify({ own: now.own - before.own, agent: now.agent - before.agent, events: now.events - before.events, delay: Math.max(0, ...delays) })}\n`);
  before = now;
  delays = [];
}
await mirrors.close();
