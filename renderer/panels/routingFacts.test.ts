import { expect, test } from "vitest";
import { deadExperts, droppedFraction, importance, layerLabel, loadShare, overload, padding, relativeLoad, type RoutingCounts } from "./routingFacts.ts";

const row: RoutingCounts = { experts: 4, capacity: 30, groups: 1, tokens: 100, load: [50, 30, 18, 2], kept: [30, 30, 18, 2], probability: [40, 30, 20, 10] };

test("load relative to the fair share", () => expect(relativeLoad(row.load)).toEqual([2, 1.2, 0.72, 0.08]));
test("no tokens: no number", () => expect(relativeLoad([0, 0])).toEqual([Number.NaN, Number.NaN]));
test("overload is max over mean", () => expect(overload(row.load)).toBe(2));
test("perfect balance has overload 1", () => expect(overload([7, 7, 7])).toBe(1));
test("dead is under a tenth of the fair share", () => {
  expect(deadExperts(row.load)).toEqual([3]);
  expect(deadExperts([97, 3, 97, 3])).toEqual([1, 3]);
  expect(deadExperts([90, 10, 100, 200])).toEqual([]);
});
test("padding counts places of all groups", () => {
  expect(padding(row)).toBeCloseTo(1 - 80 / 120, 12);
  expect(padding({ ...row, groups: 2 })).toBeCloseTo(1 - 80 / 240, 12);
});
test("dropped is what nobody kept", () => expect(droppedFraction(row)).toBeCloseTo(0.2, 12));
test("f and P each sum to 1", () => {
  for (const shares of [loadShare(row), importance(row)]) expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
});
test("labels", () => expect([layerLabel({ stack: "encoder", layer: 1 }), layerLabel({ stack: "decoder", layer: 11 })]).toEqual(["enc 1", "dec 11"]));
