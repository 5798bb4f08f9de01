import { expect, test } from "vitest";
import type { RunSummary } from "../../contract/handlers.ts";
import { age, preparationText, progressText, rowText, secondsLeft } from "./runText.ts";

const summary = (last: number) => ({ last, lastStep: 400, min: last, minStep: 1, max: last, maxStep: 1 });
const run = (change: Partial<RunSummary>) => ({ status: "running", step: 400, steps: 2000, tokens: 400_000, seconds: 100, progress: null, metrics: { tokensPerSecond: summary(4000) }, ...change }) as RunSummary;

test("time left is that of the steps to come at the mean pace so far, whatever the newest step took", () => {
  expect(secondsLeft(run({}))).toBe(400);
  expect(secondsLeft(run({ metrics: { tokensPerSecond: summary(40) } }))).toBe(400);
  expect(progressText(run({}))).toBe("step 400 of 2,000 · 4,000 tokens/s · 6 min 40 s left");
});

test("no time left is claimed where there is no pace", () => {
  expect(secondsLeft(run({ step: 0, tokens: 0 }))).toBeNull();
  expect(secondsLeft(run({ seconds: 0 }))).toBeNull();
  expect(secondsLeft(run({ status: "stopped" }))).toBeNull();
  expect(progressText(run({ status: "completed", step: 2000, metrics: {} }))).toBe("step 2,000 of 2,000 · trained 1 min 40 s");
});

test("a row of the list says how far and how long, no more", () => {
  expect(rowText(run({}))).toBe("400/2,000 · 7 min left");
  expect(rowText(run({ status: "stopped" }))).toBe("step 400/2,000 · 1 min 40 s");
  expect(rowText(run({ status: "completed", step: 2000 }))).toBe("2,000 steps · 1 min 40 s");
  expect(rowText(run({ seconds: 2200 }))).toBe("400/2,000 · 2.4 h left");
  expect(rowText(run({ status: "preparing", step: 0, progress: { phase: "reading-data", done: 3, total: 10, unit: "files" } }))).toBe("reading the data, 3 of 10 files");
});

test("preparation says how far it is where that is known", () => {
  expect(preparationText(run({}))).toBeNull();
  expect(preparationText(run({ progress: { phase: "reading-data", done: 512, total: 2048, unit: "bytes" } }))).toBe("reading the data, 25%");
  expect(preparationText(run({ progress: { phase: "building-model", done: 0, total: 5_100_000, unit: "parameters" } }))).toBe("building the model");
  expect(preparationText(run({ progress: { phase: "first-step", done: 0, total: 1, unit: "step" } }))).toBe("first step");
});

test("ages", () => {
  expect([age(100, 101), age(100, 99), age(0, 300), age(0, 86_400), age(0, 3 * 86_400)]).toEqual(["just now", "just now", "5 min ago", "1 day ago", "3 days ago"]);
});
