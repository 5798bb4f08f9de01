import { expect, test } from "vitest";
import { choicesPerToken, deadExperts, droppedFraction, expertsPerToken, fateOf, importance, layerLabel, loadShare, overflowOf, overload, padding, relativeLoad, reroutedIn, type RoutingCounts } from "./routingFacts.ts";

const row: RoutingCounts = { experts: 4, capacity: 30, groups: 1, tokens: 100, load: [50, 30, 18, 2], kept: [30, 30, 18, 2], probability: [40, 30, 20, 10], dropped: 0.2 };

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
test("dropped is what the trainer counted, whatever load and kept add up to", () => {
  expect(droppedFraction(row)).toBe(0.2);
  expect(droppedFraction(top2)).toBe(0.05);
  expect(droppedFraction({ tokens: 0, dropped: 0 })).toBeNaN();
});

/** 100 tokens with 2 choices each: experts 0 and 1 are full; 5 tokens reached nobody. */
const top2: RoutingCounts = { ...row, capacity: 60, load: [80, 70, 40, 10], kept: [60, 60, 40, 10], dropped: 0.05 };
/** Expert 0 was full; 15 of its 20 went on to expert 2 and 3, and 5 found nothing. */
const nextChoice: RoutingCounts = { ...row, load: [50, 30, 18, 2], kept: [30, 30, 23, 12], dropped: 0.05 };
test("one choice a token: kept and dropped are all tokens", () => {
  expect(fateOf(row)).toEqual({ kept: 80, rerouted: 0, dropped: 20, unserved: 0, empty: 40 });
  expect([choicesPerToken(row), expertsPerToken(row)]).toEqual([1, 0.8]);
});
test("two choices a token: a choice without a place is no dropped token", () => {
  expect(fateOf(top2)).toEqual({ kept: 170, rerouted: 0, dropped: 5, unserved: 25, empty: 70 });
  expect([choicesPerToken(top2), expertsPerToken(top2)]).toEqual([2, 1.7]);
  expect(overflowOf(top2)).toEqual([20, 10, 0, 0]);
  expect(relativeLoad(top2.load)).toEqual([1.6, 1.4, 0.8, 0.2]);
});
test("next choice: an expert that took others' overflow kept more than chose it", () => {
  expect(reroutedIn(nextChoice)).toEqual([0, 0, 5, 10]);
  expect(fateOf(nextChoice)).toEqual({ kept: 80, rerouted: 15, dropped: 5, unserved: 0, empty: 25 });
  expect(overflowOf(nextChoice)).toEqual([20, 0, 0, 0]);
});
test("f and P each sum to 1", () => {
  for (const shares of [loadShare(row), importance(row)]) expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
});
test("labels", () => expect([layerLabel({ stack: "encoder", layer: 1 }), layerLabel({ stack: "decoder", layer: 11 })]).toEqual(["enc 1", "dec 11"]));
