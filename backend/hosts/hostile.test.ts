// A host that somebody else controls: whatever it answers, nothing is written outside the mirror, nothing is run or signalled, other hosts go on, and what
// is wrong is one sentence.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { rowsAfter } from "../../db/liveRows.ts";
import { runKey } from "../../db/runRows.ts";
import { Mirrors, runsOn, shellChannel } from "../fixtures/remoteMirrors.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { writeRun } from "../fixtures/writeRun.ts";
import type { Home } from "../home.ts";
import { readOutput } from "../runs/output.ts";
import { CheckpointTransfers } from "./checkpointTransfer.ts";

const LIAR = fileURLToPath(new URL("../fixtures/hostileAgent.py", import.meta.url));
const there = mkdtempSync(join(tmpdir(), "switchyard-there-"));
const open: Mirrors[] = [];
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  rmSync(join(there, "switchyard"), { recursive: true, force: true });
});

/** Mirrors that reach two hosts: "liar", in a mode, and the honest "box". */
async function liar(mode: string, victim = process.pid): Promise<{ mirrors: Mirrors; home: Home }> {
  const home = temporaryHome();
  const mirrors = new Mirrors(home, (host) => ({
    python: "python3", runs: runsOn(there),
    open: (command) => (host === "liar" ? shellChannel(`exec python3 ${LIAR} ${mode} ${there}`, { ...process.env, VICTIM: String(victim) }) : shellChannel(command)),
  }));
  open.push(mirrors);
  await mirrors.start();
  return { mirrors, home };
}
/** No control characters, nothing that turns text around, and short enough to be read. */
const isSentence = (text: string) => expect(text).toMatch(/^[^\x00-\x1f\x7f-\x9f\u202a-\u202e]{1,700}$/);
const sentence = (promise: Promise<unknown>): Promise<string> => promise.then(() => "", (error: Error) => error.message);

/** The honest host is still reached. */
async function othersGoOn(mirrors: Mirrors): Promise<void> {
  const id = writeRun(runsOn(there), { steps: 20 });
  await mirrors.remotes.attach("box", join(runsOn(there), id));
  await until(() => mirrors.status(id).status === "completed");
}
/** What lies beside the mirrors is what was there before. */
function nothingOutside(home: Home, ids: readonly string[]): void {
  expect(readdirSync(home.runs).sort()).toEqual([...ids].sort());
  for (const id of ids) expect(readdirSync(join(home.runs, id)).filter((name) => !/^(spec|remote|process|heartbeat|exit)\.json$|^events\.jsonl$|^stdout\.log$|^control$|^checkpoints$/.test(name))).toEqual([]);
  for (const folder of [home.directory, dirname(home.directory), "/"]) expect(existsSync(join(folder, "evil"))).toBe(false);
}

test.each([
  ["noise", /sends what is no answer of Switchyard's agent\. It printed/], ["lines", /sends what is no answer/], ["protocol", /answered in a way that Switchyard's agent does not/], ["bootstrap", /^no red$/],
])("%s in place of a greeting is described, and ends the link", async (mode, words) => {
  const { mirrors, home } = await liar(mode);
  const said = await sentence(mirrors.remotes.list("liar", null));
  expect(said).toMatch(words);
  isSentence(said);
  nothingOutside(home, []);
  await othersGoOn(mirrors);
});

test.each([
  ["names", /reports on a run in a way/], ["offsets", null], ["frames", /sends more than was asked for/], ["flood", /sends more than was asked for/], ["line", /sends what is no answer/],
])("a watched run that answers with %s harms nothing", { timeout: 60_000 }, async (mode, words) => {
  const { mirrors, home } = await liar(mode);
  const before = process.memoryUsage().rss;
  const id = await mirrors.remotes.attach("liar", "/../../etc");
  if (words) {
    await until(() => mirrors.status(id).status === "unreachable", 40_000);
    expect(mirrors.status(id).status_message).toMatch(words);
    isSentence(mirrors.status(id).status_message!);
  } else await new Promise((resolve) => setTimeout(resolve, 500));
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  nothingOutside(home, [id]);
  await mirrors.remotes.of(id)!.detach();
  await othersGoOn(mirrors);
});

test("names, messages and output that hold escapes are kept as text, and lines that are no events are passed over", async () => {
  const { mirrors, home } = await liar("events");
  const { runs } = await mirrors.remotes.list("liar", null);
  expect(runs).toHaveLength(3);
  const id = await mirrors.remotes.attach("liar", runs[0]!.directory);
  const run = () => rowsAfter(mirrors.db, runKey(mirrors.db, id)!, 0);
  await until(() => run()?.alerts.length === 4);
  expect(readOutput(join(home.runs, id, "stdout.log")).text).toBe("redoutput\n");
  await until(() => (mirrors.status(id).status_message ?? "").includes("problem"));
  isSentence(mirrors.status(id).status_message!);
  nothingOutside(home, [id]);
});

test("answers of another shape are refused", async () => {
  const { mirrors } = await liar("nonsense");
  expect(await sentence(mirrors.remotes.list("liar", null))).toBe("liar answered in a way that Switchyard's agent does not.");
  const { mirrors: other } = await liar("spec");
  expect(await sentence(other.remotes.attach("liar", "/x"))).toMatch(/spec\.json .* can't be read by this version/);
});

test("a process of this machine is not signalled because a host names it", async () => {
  const victim = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    const { mirrors } = await liar("process", victim.pid);
    const id = await mirrors.remotes.attach("liar", "/x");
    await until(() => mirrors.status(id).status === "stopping");
    const follower = mirrors.ingest.followers.get(id)!;
    for (let i = 0; i < 4; i++) {
      follower.hurryStop();
      follower.updateCondition();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([victim.exitCode, victim.signalCode]).toEqual([null, null]);
    // What it claims could not be ended is named, and no more than that.
    await until(() => (mirrors.status(id).status_message ?? "").startsWith("Still there after being killed: process 4711red on liar (pythonred), "));
    expect(mirrors.status(id).status_message).toContain("and 2 more; its devices stay taken");
    isSentence(mirrors.status(id).status_message!);
  } finally {
    victim.kill("SIGKILL");
  }
});

test.each(["manifest", "size", "content"])("a checkpoint with a false %s is not fetched", async (mode) => {
  const { mirrors, home } = await liar(mode);
  const id = await mirrors.remotes.attach("liar", "/x");
  isSentence(await sentence(new CheckpointTransfers().download(mirrors.remotes.of(id)!, 1)));
  expect(existsSync(join(home.runs, id, "checkpoints", "step-1"))).toBe(false);
  nothingOutside(home, [id]);
});
