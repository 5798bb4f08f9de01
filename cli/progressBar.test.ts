// What --wait shows of a run that has not reached its first step, on a terminal and in a log.
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { ProgressBar } from "./progressBar.ts";
import type { RunGlance } from "./waitForRun.ts";

const phase = (name: string, done: number, total: number | null, unit: string): RunGlance => ({ step: 0, loss: null, tokensPerSecond: null, phase: { phase: name, done, total, unit } });
const GLANCES: RunGlance[] = [
  phase("building-model", 0, 5_100_000, "parameters"), phase("loading-checkpoint", 30, 60, "bytes"), phase("loading-checkpoint", 60, 60, "bytes"),
  phase("reading-data", 512, 2048, "bytes"), phase("preparing-data", 0, 2048, "bytes"), phase("first-step", 0, 1, "step"),
  { step: 3, loss: 5.5, tokensPerSecond: 900, phase: null }, { ...phase("saving-checkpoint", 0, null, "bytes"), step: 5 }, { step: 6, loss: 5.4, tokensPerSecond: 900, phase: null },
];

function shown(terminal: boolean): string {
  const stream = Object.assign(new PassThrough(), { isTTY: terminal, columns: 120 }) as unknown as NodeJS.WriteStream & PassThrough;
  const bar = new ProgressBar(10, stream);
  for (const glance of GLANCES) bar.draw(glance);
  return String(stream.read());
}

test("on a terminal each phase says how far it is", () => {
  expect(shown(true).split("\r\x1b[2K").slice(1).map((line) => line.trim())).toEqual([
    "building the model  5100000 parameters", "loading the checkpoint  50 % of 60 bytes", "loading the checkpoint  100 % of 60 bytes", "reading the data  25 % of 2048 bytes",
    "preparing the data  2048 bytes", "first step", expect.stringContaining("step 3/10  loss 5.5  900 tok/s"), "saving a checkpoint", expect.stringContaining("step 6/10"),
  ]);
});

test("elsewhere one line a phase, until training has begun", () => {
  expect(shown(false)).toBe("building the model\nloading the checkpoint\nreading the data\npreparing the data\nfirst step\ntraining\n");
});
