// Waiting for a run with nobody else to settle it.
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Application } from "../backend/application.ts";
import { temporaryHome, until } from "../backend/fixtures/temporaryHome.ts";
import type { Home } from "../backend/home.ts";
import { readProcess } from "../backend/runs/runFiles.ts";
import { glance, waitForEnd, type RunGlance } from "./waitForRun.ts";

const TRAINER = [process.execPath, fileURLToPath(new URL("../backend/fixtures/trainer.ts", import.meta.url))];

async function launch(home: Home, name: string, steps: number): Promise<string> {
  const application = new Application({ home, trainer: TRAINER });
  await application.caughtUp;
  const { runId } = await application.send("runs.start", { spec: { name, training: { steps, warmupSteps: 0 } } });
  await until(() => readProcess(join(home.runs, runId)) !== null);
  await application.close();
  return runId;
}

test("a run that completes is waited for, with glances on the way", async () => {
  const home = temporaryHome();
  const id = await launch(home, "completes", 80);
  const seen: RunGlance[] = [];
  expect(await waitForEnd(home, id, 0, (glance) => seen.push(glance))).toMatchObject({ reason: "completed", code: 0, step: 80 });
  expect(seen.some(({ step, loss }) => step > 0 && step < 80 && loss === 5 / step)).toBe(true);
});

test("a trainer that is killed is settled by who waits for it", async () => {
  const home = temporaryHome();
  const id = await launch(home, "killed", 100_000);
  const directory = join(home.runs, id);
  await until(() => (glance(directory)?.step ?? 0) > 3);
  const end = waitForEnd(home, id, 0, () => {});
  process.kill(readProcess(directory)!.pid, "SIGKILL");
  expect(await end).toMatchObject({ reason: "killed", by: "backend", step: expect.any(Number) });
});
