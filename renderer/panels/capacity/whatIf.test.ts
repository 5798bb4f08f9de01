import { expect, test } from "vitest";
import { SparseSpec } from "../../../contract/runSpec.ts";
import { asRun, capacityAt, commonFactors, dropAt, leastFactorBelow, nearestFactor, whatIfCurve, whatIfSentence, whyNone, type WhatIfLayer } from "./whatIf.ts";

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
    dropped: exactDrop(load, factor),
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
test("with two choices a token, places double and what is kept follows from the loads", () => {
  // 100 tokens, 200 choices; at factor 1 an expert holds 50, at 1.25 63.
  const top2: WhatIfLayer = { experts: 4, groups: 1, tokens: 100, capacity: 50, load: [90, 60, 40, 10], kept: [50, 50, 40, 10], dropped: 0.08, dropAtCapacityFactor: [[1, 0.08], [1.25, 0.02]] };
  expect(capacityAt(top2, 1, 2)).toBe(50);
  const [one, more] = whatIfCurve([top2], 2) as [ReturnType<typeof whatIfCurve>[0], ReturnType<typeof whatIfCurve>[0]];
  expect(one).toMatchObject({ places: 200, cost: 1 });
  expect(one.dropped).toBeCloseTo(asRun([top2]).dropped, 12);
  expect(one.padding).toBeCloseTo(asRun([top2]).padding, 12);
  expect(more.padding).toBeCloseTo(1 - (63 + 60 + 40 + 10) / 252, 12);
  // Of two groups the loads together do not tell what each kept: nothing is made up.
  const [grouped] = whatIfCurve([{ ...top2, groups: 2, capacity: 25 }], 2);
  expect(grouped!.padding).toBeNaN();
  expect(whatIfSentence(more, asRun([top2]), 1)).toBe("At 1.25: 2% of tokens would drop (now 8% at 1.0), with 26% more places to compute, 31% of them empty.");
  expect(whatIfSentence({ ...more, padding: Number.NaN }, asRun([top2]), 1)).toBe("At 1.25: 2% of tokens would drop (now 8% at 1.0), with 26% more places to compute.");
});
test("where there is no what-if, it says why", () => {
  expect(whyNone(SparseSpec.parse({}))).toBeNull();
  expect(whyNone(SparseSpec.parse({ routing: "top-k" }))).toBeNull();
  expect(whyNone(SparseSpec.parse({ routing: "expert-choice" }))).toMatch(/experts choose their tokens/);
  expect(whyNone(SparseSpec.parse({ overflow: "dropless" }))).toMatch(/no capacity limit/);
  expect(whyNone(SparseSpec.parse({ overflow: "next-choice" }))).toMatch(/next choice/);
});
