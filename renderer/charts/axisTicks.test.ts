import { expect, test } from "vitest";
import { byteTicks, logTicks, roundTicks } from "./axisTicks.ts";

test("steps that begin at 1 still have round marks", () => {
  expect(roundTicks("step", 1, 700)).toEqual([100, 200, 300, 400, 500, 600, 700]);
});
test("time is marked in round minutes or hours", () => {
  expect(roundTicks("time", 0.9, 630)).toEqual([120, 240, 360, 480, 600]);
  expect(roundTicks("time", 0, 36_000).every((value) => value % 3600 === 0 || value % 1800 === 0)).toBe(true);
});
test.each([
  [1, 700, [1, 10, 100]], [2.1, 90, [5, 10, 20, 50]], [1e-5, 1e-3, [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3]],
])("a logarithmic axis from %d to %d", (min, max, ticks) => expect(logTicks("step", min, max)).toEqual(ticks));
test("an axis that spans less than a power of ten is marked linearly", () => {
  expect(logTicks("step", 3000, 3400)).toEqual([3000, 3100, 3200, 3300, 3400]);
  expect(logTicks("step", 1.9, 5.5).length).toBeGreaterThanOrEqual(2);
});
test("logarithmic time has seconds, minutes and hours", () => {
  expect(logTicks("time", 0.9, 630)).toEqual([1, 3, 10, 30, 60, 180, 600]);
});
test("bytes are marked at round numbers of their unit", () => {
  expect(byteTicks(0, 700 * 1024).map((value) => value / 1024)).toEqual([0, 200, 400, 600]);
  expect(byteTicks(0, 2.5 * 1024 ** 3).every((value) => value % (1024 ** 3 / 2) === 0)).toBe(true);
});
