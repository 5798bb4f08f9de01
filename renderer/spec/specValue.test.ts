import { expect, test } from "vitest";
import { fieldFacts } from "./specFields.ts";
import { specValue } from "./specValue.ts";

test("a value has its unit, but not the symbol of its field", () => {
  expect(specValue(128, fieldFacts("data.inputLength"))).toBe("128 tokens");
  expect([specValue(1, fieldFacts("mesh.data")), specValue(2, fieldFacts("mesh.data"))]).toEqual(["1 rank", "2 ranks"]);
  expect(specValue(256, fieldFacts("model.dModel"))).toBe("256");
  expect(specValue(1_000_000, fieldFacts("training.steps"))).toBe("1,000,000 steps");
});

test("what is no number is in words", () => {
  expect([specValue(undefined), specValue(null), specValue(true), specValue("fp32")]).toEqual(["not set", "none", "on", "fp32"]);
  expect(specValue("selective", fieldFacts("model.precision"))).toBe("bf16, router in fp32 (selective)");
  expect(specValue(null, fieldFacts("model.sparse.budget"))).toBe("k places a token");
  expect([specValue([], fieldFacts("training.freeze")), specValue(["dense", "norms"], fieldFacts("training.freeze"))]).toEqual(["none", "dense feed-forward, norms"]);
});
