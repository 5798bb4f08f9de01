// A run on another machine arrives row for row, whatever happens to the link.
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { Mirrors, runsOn, shellChannel } from "../fixtures/remoteMirrors.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { EventStream, random, stepLines, writeRun } from "../fixtures/writeRun.ts";
import type { Channel } from "./ssh.ts";

let there: string, runs: string;
const open: Mirrors[] = [];
let channels: Channel[] = [];
beforeEach(() => {
  there = mkdtempSync(join(tmpdir(), "switchyard-there-"));
  runs = runsOn(there);
  mkdirSync(runs, { recursive: true });
});
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  channels = [];
  rmSync(there, { recursive: true, force: true });
});

function mirrors(home = temporaryHome()): Mirrors {
  const made = new Mirrors(home, () => ({
    python: "python3", runs,
    open: (command) => {
      const channel = shellChannel(command);
      channels.push(channel);
      return channel;
    },
  }));
  open.push(made);
  return made;
}

/** What ingest makes of the same directory when it lies on this machine. */
async function rowsHere(directory: string, id: string): Promise<unknown> {
  const home = temporaryHome(), local = new Mirrors(home, () => { throw new Error("not needed"); });
  mkdirSync(join(home.runs, id));
  for (const name of [FILES.spec, FILES.events]) writeFileSync(join(home.runs, id, name), readFileSync(join(directory, name)));
  await local.start();
  const rows = local.rows(id);
  await local.close();
  return rows;
}

test("a finished run is attached to, and every row is there", async () => {
  const id = writeRun(runs, { steps: 300, name: "elsewhere" });
  const mine = mirrors();
  await mine.start();
  expect((await mine.remotes.list("box", null)).runs).toMatchObject([{ directory: join(runs, id), name: "elsewhere", state: "ended", reason: "completed", runId: null }]);
  expect(await mine.remotes.attach("box", join(runs, id))).toBe(id);
  await until(() => mine.status(id).status === "completed");
  await mine.ingest.settled();
  expect(mine.rows(id)).toEqual(await rowsHere(join(runs, id), id));
  // Again is the same mirror.
  expect(await mine.remotes.attach("box", join(runs, id))).toBe(id);
  expect((await mine.remotes.list("box", null)).runs[0]!.runId).toBe(id);
});

test("a going run is followed live, through cuts of the link, and ends with its exit.json", async () => {
  const id = writeRun(runs, { steps: 50, exit: null, name: "live" }), directory = join(runs, id), events = join(directory, FILES.events);
  const mine = mirrors();
  await mine.start();
  await mine.remotes.attach("box", directory);
  await until(() => mine.status(id).step === 50);
  expect(mine.status(id).status).toBe("running");
  const stream = new EventStream(1, 1_770_000_000), next = random(5);
  stream.seq = readFileSync(events, "utf8").trimEnd().split("\n").length;
  let waiting = "";
  for (let step = 51; step <= 400; step++) {
    waiting += stepLines(stream, step, { experts: 8, every: 5, next });
    const cut = Math.floor(waiting.length * next());
    appendFileSync(events, waiting.slice(0, cut));
    waiting = waiting.slice(cut);
    if (step % 70 === 0) {
      channels.at(-1)!.kill();
      await until(() => mine.status(id).status === "unreachable");
      expect(mine.status(id).status_message).toMatch(/^Unreachable since .+ The run itself is left alone\.$/);
      await mine.remotes.link("box").connectNow();
      await until(() => mine.status(id).status === "running");
    }
  }
  appendFileSync(events, waiting);
  await until(() => mine.status(id).step === 400);
  writeFileSync(join(directory, FILES.exit), JSON.stringify({ v: 1, attempt: 1, reason: "stopped", code: 0, step: 400, t: 1, message: "Stopped at step 400.", by: "trainer" }));
  await until(() => mine.status(id).status === "stopped");
  expect(mine.rows(id)).toEqual(await rowsHere(directory, id));
  expect(mine.problems).toEqual([]);
});

test("a process that is gone without a word is settled by the agent, there and here", async () => {
  const gone = spawn("true");
  await new Promise((resolve) => gone.once("exit", resolve));
  const id = writeRun(runs, { steps: 20, exit: null, pid: gone.pid! }), directory = join(runs, id);
  writeFileSync(join(directory, FILES.log), "loading\nMemoryError: no space on the chip\n");
  const mine = mirrors();
  await mine.start();
  await mine.remotes.attach("box", directory);
  await until(() => mine.status(id).status === "failed");
  expect(mine.status(id).status_message).toBe("The trainer's process is gone and gave no reason; it was killed or crashed. Its last words: MemoryError: no space on the chip");
  expect(JSON.parse(readFileSync(join(directory, FILES.exit), "utf8"))).toMatchObject({ by: "agent", reason: "crashed", attempt: 1 });
});

test("a file that was replaced on the host is copied anew", async () => {
  const id = writeRun(runs, { steps: 30, exit: null }), directory = join(runs, id), events = join(directory, FILES.events);
  const mine = mirrors();
  await mine.start();
  await mine.remotes.attach("box", directory);
  await until(() => mine.status(id).step === 30);
  const other = writeRun(runs, { steps: 90, exit: null, seed: 9 });
  renameSync(join(runs, other, FILES.events), events);
  await until(() => mine.status(id).step === 90);
  // Also while nobody looked.
  channels.at(-1)!.kill();
  await until(() => mine.status(id).status === "unreachable");
  const third = writeRun(runs, { steps: 200, exit: null, seed: 11 });
  writeFileSync(events, readFileSync(join(runs, third, FILES.events)));
  await mine.remotes.link("box").connectNow();
  await until(() => mine.status(id).step === 200);
  const here = await rowsHere(directory, id) as { values: unknown };
  expect((mine.rows(id) as { values: unknown }).values).toEqual(here.values);
});

test("an id that is taken here gets another, and a folder without an id as well", async () => {
  const home = temporaryHome(), id = writeRun(home.runs, { name: "mine" });
  writeRun(runs, { id, name: "theirs" });
  renameSync(join(runs, writeRun(runs, { name: "named" })), join(runs, "run-7"));
  const mine = mirrors(home);
  await mine.start();
  const other = await mine.remotes.attach("box", join(runs, id)), named = await mine.remotes.attach("box", join(runs, "run-7"));
  expect(new Set([id, other, named]).size).toBe(3);
  await until(() => mine.status(other).status === "completed" && mine.status(named).status === "completed");
});

test("detaching leaves the run alone, and attaching again goes on", async () => {
  const id = writeRun(runs, { steps: 20, exit: null }), directory = join(runs, id);
  const mine = mirrors();
  await mine.start();
  await mine.remotes.attach("box", directory);
  await until(() => mine.status(id).step === 20);
  await mine.remotes.of(id)!.detach();
  expect(mine.status(id)).toMatchObject({ status: "unreachable", status_message: expect.stringMatching(/^Detached: the run on box was left alone\..* Attach to it again/) });
  await mine.remotes.attach("box", directory);
  await until(() => mine.status(id).status === "running");
});
