import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { consequences, expertCapacity } from "./consequences.ts";
import { RunSpec } from "./runSpec.ts";

const example = (name: string): RunSpec => RunSpec.parse(JSON.parse(readFileSync(new URL(`../examples/${name}.json`, import.meta.url), "utf8")));

test.each(["sample", "sample-dense", "larger", "finetune"])("examples/%s.json is a valid spec", (name) => expect(() => example(name)).not.toThrow());

// The engine's: Router.CapacityIsThatOfEquation3 in native/test/router_test.cpp.
test.each([[2048, 8, 1.25, 320], [100, 8, 1.2, 15], [100, 2, 1.1, 55], [10, 3, 1, 4], [10, 64, 0.1, 1], [10, 2, 16, 10]])(
  "%d tokens, %d experts, factor %d: %d places", (tokens, experts, factor, places) => expect(expertCapacity(tokens, experts, factor)).toBe(places));

test("the dense twin meets as many parameters a token, but for the routers", () => {
  const sparse = consequences(example("sample")), dense = consequences(example("sample-dense"));
  expect(sparse.activeParameters - sparse.parameters.router).toBe(dense.parameters.total);
  expect(sparse.flopsPerToken.forward / dense.flopsPerToken.forward).toBeCloseTo(1, 1);
  expect(sparse.sparseLayers.map(({ stack, layer }) => `${stack} ${layer}`)).toEqual(["encoder 1", "encoder 3", "decoder 1", "decoder 3"]);
  expect(sparse.capacity[0]).toMatchObject({ tokens: 2048, training: 320, evaluation: 512 });
  expect(dense.capacity).toEqual([]);
});
