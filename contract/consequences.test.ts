import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { consequences, expertCapacity } from "./consequences.ts";
import { RunSpec, type RunSpecInput } from "./runSpec.ts";

type SparseInput = NonNullable<NonNullable<RunSpecInput["model"]>["sparse"]>;
const example = (name: string): RunSpec => RunSpec.parse(JSON.parse(readFileSync(new URL(`../examples/${name}.json`, import.meta.url), "utf8")));

test.each(["sample", "sample-dense", "larger", "finetune"])("examples/%s.json is a valid spec", (name) => expect(() => example(name)).not.toThrow());

// The engine's: Capacity.IsThatOfEquation3 in native/test/router_test.cpp.
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

/** The same figures as in native/test/router_test.cpp. */
test.each<[string, SparseInput, number]>([
  ["switch", {}, 320], ["top-2", { routing: "top-k" }, 640], ["first choices alone", { routing: "top-k", laterChoices: "none" }, 320],
  ["a budget", { routing: "top-k", choices: 4, budget: 1.5 }, 480], ["expert choice", { routing: "expert-choice" }, 320], ["dropless", { overflow: "dropless" }, 2048],
  ["fixed", { fixedCapacity: 64 }, 64], ["fixed beyond the group", { fixedCapacity: 5000 }, 2048], ["more choices than experts hold", { routing: "top-k", choices: 4, experts: 4, capacityFactor: { training: 2.5 } }, 2048],
])("places follow the routing: %s", (_, sparse, places) => {
  const { capacity } = consequences(RunSpec.parse({ model: { sparse }, data: { inputLength: 128 }, training: { batchSize: 16 } }));
  expect(capacity[0]).toMatchObject({ tokens: 2048, training: places });
});

test("a distillation holds its teacher's weights as well, once their number is known", () => {
  const plain = RunSpec.parse({}), learning = RunSpec.parse({ distillation: { teacher: { kind: "model", id: "01890000-0000-7000-8000-000000000000" } } });
  expect(consequences(plain, { teacherParameters: 1000 }).memory.teacher).toBe(0);
  const known = consequences(learning, { teacherParameters: 1000 }).memory, unknown = consequences(learning).memory;
  expect([known.teacher, unknown.teacher, known.total - unknown.total]).toEqual([4000, null, 4000]);
});
