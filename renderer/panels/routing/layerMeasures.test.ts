import { expect, test } from "vitest";
import type { RoutingRow } from "../../../contract/handlers.ts";
import { isHatched, LAYER_MEASURES, scaleEnd } from "./layerMeasures.ts";

const row: RoutingRow = {
  step: 10, stack: "encoder", layer: 1, experts: 4, capacity: 30, groups: 1, tokens: 100, load: [50, 30, 20, 0], kept: [30, 30, 20, 0],
  probability: [40, 30, 20, 10], entropy: 1, confidence: 0.4, dropped: 0.2, auxiliaryLoss: 1.2, zLoss: 0, dropAtCapacityFactor: [],
};
const of = (key: string) => LAYER_MEASURES.find((measure) => measure.key === key)!;

test("load and kept are relative to the same fair share", () => {
  expect(of("load").values(row)).toEqual([2, 1.2, 0.8, 0]);
  expect(of("kept").values(row)).toEqual([1.2, 1.2, 0.8, 0]);
});
test("dropped is of the expert's own tokens; an expert nobody chose dropped nothing", () => {
  const values = of("dropped").values(row);
  expect(values[0]).toBeCloseTo(0.4, 12);
  expect(values.slice(1)).toEqual([0, 0, 0]);
});
test("importance is the probability relative to the fair share", () => {
  expect(of("probability").values(row)).toEqual([0.4, 0.3, 0.2, 0.1]);
  expect(of("importance").values(row)).toEqual([1.6, 1.2, 0.8, 0.4]);
});
test("each measure is summarised by itself", () => {
  expect(LAYER_MEASURES.map(({ summary }) => summary([row], 10))).toEqual([
    "At step 10 expert 0 of enc 1 has most: 2× its fair share; 1 of 4 experts is dead",
    "At step 10 expert 0 of encoder layer 1 keeps most: 1.2× its fair share",
    "At step 10 20% of tokens are dropped; 33% of places are empty",
    "At step 10 expert 0 of encoder layer 1 is the most probable: mean p 0.4, where an even share is 0.25",
    "At step 10 expert 0 of encoder layer 1 has the greatest importance: 1.6× its fair share",
  ]);
  expect(of("kept").summary([], 10)).toBe("At step 10 no token was routed");
  // Where experts choose there is no heaviest.
  expect(of("load").summary([{ ...row, load: [7, 7, 7, 7] }], 10)).toBe("At step 10 every expert has its fair share; none of 4 experts is dead");
});
test("only load and kept hatch dead experts, only dropped is red, only the probability is cividis", () => {
  expect(LAYER_MEASURES.filter((measure) => isHatched(measure, 0.05)).map((measure) => measure.key)).toEqual(["load", "kept"]);
  expect(isHatched(of("load"), 0.1)).toBe(false);
  expect(isHatched(of("load"), Number.NaN)).toBe(false);
  expect(LAYER_MEASURES.filter((measure) => measure.scale === "dropped").map((measure) => measure.key)).toEqual(["dropped"]);
  expect(LAYER_MEASURES.filter((measure) => measure.scale === "probability").map((measure) => measure.key)).toEqual(["probability"]);
});
test("sequential scales end at a round value above the greatest", () => {
  expect(scaleEnd(of("probability"), 0.13)).toBe(0.2);
  expect(scaleEnd(of("dropped"), 0)).toBe(0.1);
  expect(scaleEnd(of("dropped"), 0.97)).toBe(1);
});
