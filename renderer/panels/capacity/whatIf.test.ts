import { expect, test } from "vitest";
import { asRun, capacityAt, commonFactors, dropAt, leastFactorBelow, nearestFactor, whatIfCurve, whatIfSentence, type WhatIfLayer } from "./whatIf.ts";

/** What the trainer counts, by definition: tokens above ceil(T ÷ E · CF) of one group. */
const exactDrop = (load: number[], factor: number): number => {
  const tokens = load.reduce((a, b) => a + b);
  const capacity = Math.ceil((tokens / load.length) * factor - 1e-9);
  return load.reduce((dropped, n) => dropped + Math.max(0, n - capacity), 0) / tokens;
};
const layer = (load: number[], factor: number, grid = [0.5, 1, 1.25, 2, 4]): WhatIfLayer => {
  const tokens = load.reduce((a, b) => a + b);
  const capacity = Math.ceil((tokens / load.length) * factor);
  return {
    experts: load.length, groups: 1, tokens, capacity, load, kept: load.map((n) => Math.min(n, capacity)),
    dropAtCapacityFactor: grid.map((f) => [f, exactDrop(load, f)]),
  };
};
const skewed = layer([50, 30, 15, 5], 1);
const even = layer([25, 25, 25, 25], 1);

test("capacity is ceil(T ÷ E · CF) of a group", () => {
  expect(capacityAt({ tokens: 100, groups: 1, experts: 8 }, 1.25)).toBe(16);
  expect(capacityAt({ tokens: 100, groups: 1, experts: 10 }, 1.1)).toBe(11);
  expect(capacityAt({ tokens: 200, groups: 4, experts: 8 }, 1)).toBe(7);
});
test("the curve at the run's own factor is what the run dropped and padded", () => {
  const point = whatIfCurve([skewed, even]).find((p) => p.factor === 1)!;
  const now = asRun([skewed, even]);
  expect(point.dropped).toBeCloseTo(now.dropped, 12);
  expect(point.places).toBe(now.places);
  expect(point.padding).toBeCloseTo(now.padding, 12);
  expect(point.cost).toBe(1);
});
test("more capacity drops no more and pads no less", () => {
  const curve = whatIfCurve([skewed, even]);
  for (let i = 1; i < curve.length; i++) {
    expect(curve[i]!.dropped).toBeLessThanOrEqual(curve[i - 1]!.dropped);
    expect(curve[i]!.padding).toBeGreaterThanOrEqual(curve[i - 1]!.padding - 1e-12);
  }
  expect(curve.at(-1)!.cost).toBe(4);
});
test("layers count by their tokens, not equally", () => {
  const small = layer([8, 0], 1);
  const point = whatIfCurve([skewed, small]).find((p) => p.factor === 1)!;
  expect(point.dropped).toBeCloseTo((30 + 4) / 108, 12);
});
test("only factors that all layers have are offered, and none is made up", () => {
  expect(commonFactors([layer([3, 1], 1, [0.5, 1, 2]), layer([3, 1], 1, [1, 2, 3])])).toEqual([1, 2]);
  expect(dropAt(skewed, 1.1)).toBeNaN();
  expect(whatIfCurve([])).toEqual([]);
});
test("the sentence says both sides", () => {
  const curve = whatIfCurve([skewed]);
  const at = (factor: number) => whatIfSentence(curve.find((p) => p.factor === factor)!, asRun([skewed]), 1);
  expect(at(1.25)).toBe("At 1.25: 18% of tokens would drop (now 30% at 1.0), with 28% more places to compute, 36% of them empty.");
  expect(at(1)).toBe("At 1.0, the current factor: 30% of tokens drop, 30% of places stay empty.");
});
test("choosing a factor", () => {
  expect(leastFactorBelow(whatIfCurve([skewed]), 0.01)).toBe(2);
  expect(leastFactorBelow(whatIfCurve([skewed]), -1)).toBeNull();
  expect(nearestFactor([0.5, 1, 2], 1.3)).toBe(1);
});
