import { expect, test } from "vitest";
import { ModelSpec } from "../../contract/runSpec.ts";
import { expertsText, familyText } from "./modelWords.ts";

test("family and experts of a model", () => {
  const switchBase = ModelSpec.parse({ dModel: 768, encoderLayers: 12, decoderLayers: 12 });
  expect([familyText(switchBase), expertsText(switchBase)]).toEqual(["encoder-decoder, 12 + 12 layers, width 768", "8 in 12 layers"]);
  const dense = ModelSpec.parse({ architecture: "vision", dModel: 1024, encoderLayers: 4, sparse: null });
  expect([familyText(dense), expertsText(dense)]).toEqual(["vision, 4 layers, width 1,024", "none: dense"]);
  expect(expertsText(ModelSpec.parse({ sparse: { layers: { encoder: [1], decoder: [] } } }))).toBe("8 in 1 layer");
});
