import { expect, test } from "vitest";
import { consequences } from "../contract/consequences.ts";
import { PAPER_MODELS, paperTable, T5_FACTS } from "./paperModels.ts";

test.each(paperTable())("$name has the published parameters and FLOPs a sequence, within 5%", ({ parameters, flopsPerSequence, forward, published }) => {
  expect(Math.abs(parameters / published.parameters - 1)).toBeLessThan(0.05);
  expect(Math.abs(flopsPerSequence / published.flopsPerSequence - 1)).toBeLessThan(0.05);
  // The whole forward pass is more: the paper's figures leave out logits, routers and most of cross-attention's keys and values.
  expect(forward / published.flopsPerSequence).toBeGreaterThan(1.1);
});

test("every row of table 9 is there", () => expect(PAPER_MODELS.map(({ name }) => name)).toEqual(["T5-Base", "T5-Large", "T5-XXL", "Switch-Base", "Switch-Large", "Switch-XXL", "Switch-C"]));

test("Switch-XXL's 395B are of 128 experts: the 64 of table 9 make half of that", () => {
  const { spec } = PAPER_MODELS.find(({ name }) => name === "Switch-XXL")!;
  const with64 = consequences({ ...spec, model: { ...spec.model, sparse: { ...spec.model.sparse!, experts: 64 } } }, T5_FACTS);
  expect(with64.parameters.total / 1e9).toBeCloseTo(201.3, 0);
});

// 1910.10683 with T5 1.1's gated layers; counted by hand from the shapes: embedding + encoder + decoder + positions + norms.
test("T5-Base is what its matrices hold", () => {
  const block = 4 * 768 * 768, feedForward = 3 * 768 * 2048;
  const byHand = 32_128 * 768 + 12 * (block + feedForward) + 12 * (2 * block + feedForward) + 2 * 32 * 12 + 768 * (12 * 2 + 1 + 12 * 3 + 1);
  expect(paperTable()[0]!.parameters).toBe(byHand);
});
