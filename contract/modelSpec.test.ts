import { expect, test } from "vitest";
import { ModelSpec, sparseLayerCount } from "./modelSpec.ts";

test.each([
  [{}, 4], [{ sparse: null }, 0], [{ sparse: { every: 1 } }, 8], [{ sparse: { layers: { encoder: [0], decoder: [1, 2] } } }, 3],
  [{ architecture: "decoder-only", encoderLayers: 6 }, 2], [{ architecture: "vision", decoderLayers: 6, sparse: { every: 4 } }, 1],
])("%j has so many sparse layers, counted in the stacks that it has", (model, count) => {
  expect(sparseLayerCount(ModelSpec.parse({ encoderLayers: 4, decoderLayers: 4, ...model }))).toBe(count);
});
