// The start of an attempt where it can't start, and what an attempt before left behind. Real processes on real files.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { ExitFile } from "../../contract/runDirectory.ts";
import { smallDisk } from "../fixtures/smallDisk.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "switchyard-setup-"));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true }));
/** A spec that is wrong ends the attempt right after its setup. */
const newRun = (name: string): string => {
  const run = join(folder, name);
  mkdirSync(run);
  writeFileSync(join(run, "spec.json"), '{"training":{"steps":0}}');
  return run;
};
const start = (run: string, as: { uid?: number; gid?: number } = {}) => spawnSync(process.execPath, [MAIN, run], { encoding: "utf8", timeout: 20_000, ...as });
const exitOf = (run: string) => ExitFile.parse(JSON.parse(readFileSync(join(run, "exit.json"), "utf8")));

test("what a killed attempt was writing is gone at the next start; whole checkpoints stay", () => {
  const run = newRun("leftovers");
  const put = (name: string) => { mkdirSync(join(run, "checkpoints", name, ".."), { recursive: true }); writeFileSync(join(run, "checkpoints", name), "x"); };
  mkdirSync(join(run, "checkpoints/.step-7.partial"), { recursive: true });
  for (const name of ["step-5", "step-6", "mine"]) mkdirSync(join(run, "checkpoints", name));
  for (const name of [".step-7.partial/model.safetensors", "step-5/manifest.json", "step-5/model.safetensors", "step-6/model.safetensors", "mine/note"]) put(name);
  for (const name of ["heartbeat.json.123.partial", ".spare"]) writeFileSync(join(run, name), "x");
  expect(start(run).status).toBe(2);
  expect(readdirSync(join(run, "checkpoints")).sort()).toEqual(["mine", "step-5"]);
  expect(readdirSync(run).filter((name) => name.includes("partial") || name === ".spare")).toEqual([]);
});

test("a file where a folder belongs ends the attempt with a sentence, recorded", () => {
  const run = newRun("file");
  writeFileSync(join(run, "control"), "");
  const { status, stderr } = start(run);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^\S+control can't be written or read \(a file stands where a folder should be\); check .*\n$/);
  expect(exitOf(run)).toMatchObject({ attempt: 1, reason: "crashed", by: "trainer", message: stderr.trim() });
});

test("a run directory that can't be written ends with a sentence in the output", () => {
  const run = newRun("unwritable");
  chmodSync(run, 0o555);
  // root may write anywhere, so it lends the trainer another user.
  const { status, stderr } = start(run, process.getuid!() === 0 ? { uid: 65534, gid: 65534 } : {});
  expect(status).toBe(1);
  expect(stderr.split("\n")[0]).toMatch(/can't be written or read \(permission denied\); check who owns the run's folder, then resume\.$/);
  expect(existsSync(join(run, "exit.json"))).toBe(false);
  chmodSync(run, 0o755);
});

test("there is no run directory", () => {
  const { status, stderr } = start(join(folder, "nothing"));
  expect([status, stderr]).toEqual([2, `There is no run directory ${join(folder, "nothing")}; make it and write spec.json there first.\n`]);
});

test.skipIf(!smallDisk.available)("a disk that is full at the start (mounted in a user namespace) is said, and recorded as soon as a few bytes are left", () => {
  const run = newRun("full");
  // 16 pages of 4 KiB: the space kept for the last words does not fit.
  const small = smallDisk.run("64k", run, process.execPath, [MAIN]);
  expect(small.status).toBe(6);
  expect(small.stderr).toMatch(/^The disk with the run is full; free some space and resume/);
  expect(ExitFile.parse(JSON.parse(small.files["exit.json"]!))).toMatchObject({ reason: "disk-full", attempt: 1 });
  const none = smallDisk.run("4k", run, process.execPath, [MAIN]);
  expect([none.status, none.files["exit.json"]]).toEqual([6, undefined]);
  expect(none.stderr).toMatch(/^The disk with the run is full/);
});
