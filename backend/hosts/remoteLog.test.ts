// Another trainer's log on a host becomes the same run as the same log on this machine, and is read on through lost links.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { openWritable } from "../../db/database.ts";
import { addRun } from "../../db/runRows.ts";
import { Mirrors, rowsOf, runsOn, shellChannel } from "../fixtures/remoteMirrors.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { findLogs } from "../imports/findLogs.ts";
import { LogImport } from "../imports/importLog.ts";
import { EventFile } from "../runs/eventFile.ts";
import type { Channel } from "./ssh.ts";

const FIXTURE = fileURLToPath(new URL("../fixtures/logs/maxtext", import.meta.url));
const open: Mirrors[] = [], folders: string[] = [];
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function setUp(home = temporaryHome()) {
  const there = mkdtempSync(join(tmpdir(), "switchyard-there-")), channels: Channel[] = [];
  folders.push(there);
  const mirrors = new Mirrors(home, () => ({ python: "python3", runs: runsOn(there), open: (command) => (channels.push(shellChannel(command)), channels.at(-1)!) }));
  open.push(mirrors);
  return { home, there, mirrors, channels };
}

/** Rows of a log that lies on this machine, without where in a file they were read. */
async function rowsHere(path: string) {
  const home = temporaryHome(), log = await LogImport.open(home, findLogs(path, null)[0]!, { metrics: {}, columns: {} });
  log.read();
  log.end();
  const db = openWritable(":memory:"), run = addRun(db, { id: log.runId, spec: "{}", name: "r", steps: 0, experts: null, sparseLayers: 0, createdAt: 1 });
  const events = new EventFile(db, run, join(home.runs, log.runId, "events.jsonl"));
  while (events.readBatch().more);
  const { samples, values } = rowsOf(db, log.runId) as { samples: unknown; values: unknown };
  db.close();
  return { samples, values };
}

test("event files are copied while they grow, through cuts, under names of our own", async () => {
  const { home, there, mirrors, channels } = setUp();
  const logs = join(there, "logs", "run-1"), name = readdirSync(FIXTURE)[0]!, bytes = readFileSync(join(FIXTURE, name));
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, name), bytes.subarray(0, 3001));
  await mirrors.start();
  expect(await mirrors.remotes.logs("box", join(there, "logs"))).toMatchObject([{ path: logs, format: "tensorboard", bytes: 3001, runId: null }]);
  const id = await mirrors.remotes.attachLog("box", join(there, "logs"), null, { metrics: {}, columns: {} });
  await until(() => mirrors.status(id).step > 0);
  expect(mirrors.status(id).status).toBe("running");
  channels.at(-1)!.kill();
  await until(() => mirrors.status(id).status === "unreachable");
  expect(mirrors.status(id).status_message).toMatch(/^Unreachable since .* The log is read on once the link is back\.$/);
  appendFileSync(join(logs, name), bytes.subarray(3001));
  await mirrors.remotes.link("box").connectNow();
  await until(() => mirrors.status(id).step === 19);
  await mirrors.remotes.log(id)!.detach();
  expect(mirrors.status(id)).toMatchObject({ status: "stopped", status_message: expect.stringContaining(`Imported up to step 19 from box:${logs}`) });
  await mirrors.ingest.settled();
  const { samples, values } = mirrors.rows(id) as { samples: unknown; values: unknown };
  expect({ samples, values }).toEqual(await rowsHere(FIXTURE));
  expect(readdirSync(join(home.runs, id, "log"))).toEqual([expect.stringMatching(/^tfevents\.1795612290\.[0-9a-f]{16}$/)]);
  // The same log again is the same run.
  expect(await mirrors.remotes.attachLog("box", logs, null, { metrics: {}, columns: {} })).toBe(id);
});

test("lines of JSON are read with the columns that a person names, and a file that was replaced is read anew", async () => {
  const { there, mirrors } = setUp(), file = join(there, "metrics.jsonl");
  const lines = (from: number, to: number, scale: number) => Array.from({ length: to - from }, (_, i) => `${JSON.stringify({ tick: from + i, "train loss": scale / (from + i) })}\n`).join("");
  writeFileSync(file, lines(1, 50, 10));
  await mirrors.start();
  const id = await mirrors.remotes.attachLog("box", file, null, { metrics: { loss: "train loss" }, columns: { step: "tick" } });
  await until(() => mirrors.status(id).step >= 48);
  copyFileSync(file, `${file}.old`);
  writeFileSync(file, lines(1, 30, 7));
  const losses = () => (mirrors.rows(id) as { values: { name: string; step: number; value: number }[] }).values.filter(({ name }) => name === "loss");
  await until(() => losses().length > 0 && losses().length <= 29 && losses()[0]!.value === 7, 15_000);
  expect(existsSync(`${file}.old`)).toBe(true);
  await expect(mirrors.remotes.attachLog("box", join(there, "nothing"), null, { metrics: {}, columns: {} })).rejects.toThrow(/There is no file or folder .*nothing on/);
  writeFileSync(join(there, "notes.csv"), "half a line");
  await expect(mirrors.remotes.attachLog("box", join(there, "notes.csv"), null, { metrics: {}, columns: {} })).rejects.toThrow(/^box:.*notes\.csv holds no whole line yet/);
});
