import { expect, test } from "vitest";
import { exponentialMovingAverage } from "./smoothing.ts";

const ema = (values: number[], weight: number): number[] => Array.from(exponentialMovingAverage(values, values.length, weight));

test("weight 0 changes nothing", () => expect(ema([3, 1, 4], 0)).toEqual([3, 1, 4]));
test("a constant stays that constant from the first value on", () => {
  for (const value of ema([2, 2, 2, 2], 0.9)) expect(value).toBeCloseTo(2, 12);
});
test("follows the recurrence, debiased", () => {
  const [a, b] = ema([1, 3], 0.5);
  expect(a).toBeCloseTo(1, 12);
  expect(b).toBeCloseTo((0.5 * 0.5 * 1 + 0.5 * 3) / (1 - 0.25), 12);
});
test("NaN passes through and does not poison what follows", () => {
  const out = ema([2, Number.NaN, 2], 0.9);
  expect(out[1]).toBeNaN();
  expect(out[2]).toBeCloseTo(2, 12);
});
