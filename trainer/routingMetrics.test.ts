import { expect, test } from "vitest";
import type { LayerRouting } from "../native/switchyard.d.ts";
import { routingValues } from "./routingMetrics.ts";

const layer = (more: Partial<LayerRouting>): LayerRouting => ({
  stack: "encoder", layer: 1, experts: 2, capacity: 10, groups: 1, tokens: 10, load: [5, 5], kept: [5, 5], probability: [5, 5],
  entropy: 0.5, confidence: 0.6, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [], ...more,
});

test("a token is dropped when no expert takes it, however many choices it had", () => {
  // Of 10 tokens with two choices each, 4 choices were refused, but a single token was left with none.
  const top2 = layer({ load: [12, 8], kept: [10, 6], dropped: 0.1 });
  expect(routingValues([top2])).toMatchObject({ droppedFraction: 0.1, expertsPerToken: 1.6, overload: 1.2 });
  expect(routingValues([top2]).paddingFraction).toBeCloseTo(1 - 16 / 20, 12);
});

test("layers count by their tokens", () => {
  const values = routingValues([layer({ dropped: 0.2, kept: [4, 4] }), layer({ tokens: 30, load: [10, 20], kept: [10, 10], capacity: 10, dropped: 1 / 3, entropy: 0.1 })]);
  expect(values.droppedFraction).toBeCloseTo((2 + 10) / 40, 12);
  expect(values.expertsPerToken).toBeCloseTo(28 / 40, 12);
  expect(values.routerEntropy).toBeCloseTo((5 + 3) / 40, 12);
  expect(values.overload).toBeCloseTo(4 / 3, 12);
});

test("a batch without tokens gives numbers", () => {
  const values = routingValues([layer({ tokens: 0, load: [0, 0], kept: [0, 0], probability: [0, 0] })]);
  for (const value of Object.values(values)) expect(Number.isFinite(value)).toBe(true);
});
