import { expect, test } from "vitest";
import { ModelSpec } from "../../contract/runSpec.ts";
import { refuseUnfit } from "./source.ts";

const model = (given: unknown): ModelSpec => ModelSpec.parse(given);

test("what makes no text is refused in a sentence", () => {
  expect(() => refuseUnfit(model({ architecture: "vision" }))).toThrow("classifies images");
  expect(() => refuseUnfit(model({ sparse: { routing: "expert-choice" } }))).toThrow("token by token");
});

test("a decoder without expert choice makes text, whatever its encoder does", () => {
  for (const fit of [{}, { sparse: null }, { sparse: { routing: "hash" } }, { sparse: { routing: "expert-choice", layers: { encoder: [1], decoder: [] } } }])
    expect(() => refuseUnfit(model(fit))).not.toThrow();
});
