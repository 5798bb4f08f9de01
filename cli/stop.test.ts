// Stopping a run by its directory: no backend serves the home, and another program holds its database.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { temporaryHome, until } from "../backend/fixtures/temporaryHome.ts";
import { writeRun } from "../backend/fixtures/writeRun.ts";
import type { Home } from "../backend/home.ts";
import { processState } from "../backend/runs/processState.ts";
import { launchTrainer, createRunDirectory } from "../backend/runs/launch.ts";
import { readExit, readProcess } from "../backend/runs/runFiles.ts";
import { NOTHING_ASKED } from "../contract/asked.ts";
import { ControlFile } from "../contract/runDirectory.ts";
import { RunSpec } from "../contract/runSpec.ts";
import { takeLock } from "../db/lock.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const TRAINER = [process.execPath, fileURLToPath(new URL("../backend/fixtures/trainer.ts", import.meta.url))];
const stop = (home: Home, ...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "runs", "stop", ...words, "--home", home.directory], { encoding: "utf8", timeout: 10_000 });
  return { code: status, out: stdout, error: stderr };
};
const started: string[] = [];
afterEach(() => {
  for (const directory of started.splice(0)) {
    const trainer = readProcess(directory);
    if (trainer && processState(trainer) === "alive") process.kill(trainer.pid, "SIGKILL");
  }
});

async function train(home: Home, name: string): Promise<{ id: string; directory: string }> {
  const id = createRunDirectory(home.runs, RunSpec.parse({ name })), directory = join(home.runs, id);
  started.push(directory);
  launchTrainer(directory, NOTHING_ASKED, () => {}, TRAINER);
  await until(() => readProcess(directory) !== null);
  return { id, directory };
}

test("a run is stopped while another program holds the home", async () => {
  const home = temporaryHome(), lock = takeLock(home.lock)!;
  const { id, directory } = await train(home, "obedient");
  expect(stop(home, id.slice(0, 13), "--json")).toMatchObject({ code: 0, error: "", out: `${JSON.stringify({ runId: id, status: "stopping" }, null, 2)}\n` });
  await until(() => readExit(directory) !== null);
  expect(readExit(directory)).toMatchObject({ reason: "stopped", by: "trainer" });
  expect(stop(home, id)).toEqual({ code: 1, out: "", error: '"obedient" is not going: it has already ended.\n' });
  expect(existsSync(home.database)).toBe(false);
  lock.release();
});

test("asked again, a trainer that does not listen is told by a signal, and one that is gone is said to be", async () => {
  const home = temporaryHome();
  const { id, directory } = await train(home, "ignores requests");
  expect(stop(home, id).code).toBe(0);
  expect(ControlFile.parse(JSON.parse(readFileSync(join(directory, "control/stop.json"), "utf8")))).toMatchObject({ verb: "stop" });
  expect(processState(readProcess(directory)!)).toBe("alive");
  expect(stop(home, id).code).toBe(0);
  await until(() => processState(readProcess(directory)!) === "gone");
  expect(stop(home, id)).toMatchObject({ code: 1, error: expect.stringContaining("its trainer's process is gone") });
});

test("what names no run is said as everywhere", () => {
  const home = temporaryHome();
  writeRun(home.runs, { id: "0199aaaa-0000-7000-8000-00000000000a", steps: 3 });
  writeRun(home.runs, { id: "0199aaab-0000-7000-8000-00000000000b", steps: 3 });
  expect(stop(home, "0199")).toMatchObject({ code: 1, error: expect.stringContaining("2 runs begin with") });
  expect(stop(home, "ff")).toMatchObject({ code: 1, error: expect.stringContaining("No run's id begins") });
});

test("a backend that hangs is passed by", async () => {
  const home = temporaryHome();
  const backend = spawn(process.execPath, [fileURLToPath(new URL("../backend/serve.ts", import.meta.url)), "--home", home.directory], { stdio: ["ignore", "pipe", "inherit"] });
  await once(backend.stdout, "data");
  const { id, directory } = await train(home, "obedient");
  backend.kill("SIGSTOP");
  const { status } = spawnSync(process.execPath, [MAIN, "runs", "stop", id, "--home", home.directory], { timeout: 30_000 });
  expect(status).toBe(0);
  await until(() => readExit(directory)?.reason === "stopped");
  backend.kill("SIGKILL");
});
