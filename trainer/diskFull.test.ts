// A disk that fills up during training: the run ends with a reason, and what was saved before is whole.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { engineIsBuilt, environment, eventsOf, exitOf, MAIN, measured, newRun, ofKind, start, tinySpec } from "./fixtures/tinyRun.ts";
import { smallDisk } from "./fixtures/smallDisk.ts";
import { damageOf, listCheckpoints } from "./run/checkpoints.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-full-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!engineIsBuilt || !smallDisk.available)("checkpoints fill the disk (needs the built engine and a user namespace): the run ends, says so, and goes on where there is room", async () => {
  const spec = tinySpec({ training: { checkpoint: { everySteps: 5, keepLast: 2, everyMinutes: 1000 } } });
  const whole = newRun(spec), run = newRun(spec);
  expect(await start(whole).ended).toMatchObject({ code: 0 });
  const checkpoint = ofKind(eventsOf(whole), "checkpoint")[0]!.bytes;
  // Room for two checkpoints, the log and the space kept for last words; the third checkpoint does not fit beside them.
  const size = 2.4 * checkpoint + 200_000, kept = join(folder, "kept");
  const { status, stderr, files, checkpoints } = smallDisk.run(String(Math.round(size)), run, process.execPath, [MAIN], { environment, keep: kept });
  expect(stderr.trim().split("\n").at(-1)).toBe("The disk with the run is full; free some space and resume from the last checkpoint.");
  expect(status).toBe(6);
  expect(exitOf(kept)).toMatchObject({ attempt: 1, reason: "disk-full", step: 15, by: "trainer" });
  const alerts = ofKind(eventsOf(kept), "alert").filter(({ code }) => code === "disk");
  expect(alerts.map(({ level }) => level)).toEqual(["warning", "error"]);
  expect(alerts[0]!.message).toMatch(/^The disk with the run has .* free, less than the .* that the next 2 checkpoints need/);
  expect(checkpoints).toEqual(["step-10", "step-5"]);
  for (const one of listCheckpoints(kept)) expect(await damageOf(one)).toBeNull();
  expect([files[".spare"], Object.keys(files).filter((name) => name.includes("partial"))]).toEqual([undefined, []]);

  // The same folder where there is room.
  cpSync(kept, run, { recursive: true });
  expect(await start(run).ended).toMatchObject({ code: 0 });
  expect(ofKind(eventsOf(run), "attempt").at(-1)).toMatchObject({ attempt: 2, fromStep: 10 });
  expect(measured(run)).toEqual(measured(whole));
  expect(existsSync(join(run, "checkpoints/step-24"))).toBe(true);
}, 180_000);

test.skipIf(!engineIsBuilt || !smallDisk.available)("the log fills the disk (needs the built engine and a user namespace): half a line is ended, and the end is there", () => {
  // No checkpoint is due before the log has filled the little that is left.
  const run = newRun(tinySpec({ training: { steps: 100_000, routingEvery: 1, evaluateEvery: 100_000, checkpoint: { everySteps: 100_000, everyMinutes: 1000 } } }));
  const kept = join(folder, "log"), { status } = smallDisk.run("200k", run, process.execPath, [MAIN], { environment, keep: kept });
  expect([status, exitOf(kept)]).toMatchObject([6, { reason: "disk-full", code: 6 }]);
  const events = eventsOf(kept), last = events.at(-1)!;
  expect(last).toMatchObject({ kind: "alert", level: "error", code: "disk" });
  expect(exitOf(kept).step).toBeGreaterThanOrEqual(Math.max(...ofKind(events, "metrics").map(({ step }) => step)));
}, 180_000);

test.skipIf(!engineIsBuilt)("a file that may not grow further (ulimit -f; needs the built engine) ends the run the same way", () => {
  const run = newRun(tinySpec());
  // 80 blocks of 1 KiB: the space for last words fits, a checkpoint does not.
  const { status, stderr } = spawnSync("bash", ["-c", 'ulimit -f 80; exec "$0" "$@"', process.execPath, MAIN, run], { encoding: "utf8", env: environment, timeout: 60_000 });
  expect(stderr.trim().split("\n").at(-1)).toMatch(/^(A file of the run would grow beyond the size that this process may write; raise the limit \(ulimit -f\)|The disk with the run is full)/);
  expect([status, exitOf(run).reason]).toEqual([6, "disk-full"]);
  expect(listCheckpoints(run)).toEqual([]);
}, 60_000);
