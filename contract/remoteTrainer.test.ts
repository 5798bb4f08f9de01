import { expect, test } from "vitest";
import { untrainableFields } from "./remoteTrainer.ts";
import { RunSpec, type RunSpecInput } from "./runSpec.ts";

const fieldsOf = (spec: RunSpecInput): string[] => untrainableFields(RunSpec.parse(spec)).map(({ path }) => path);

test("a spec of defaults, and a dense one, can be trained on a remote host", () => {
  expect(fieldsOf({})).toEqual([]);
  expect(fieldsOf({ model: { sparse: null } })).toEqual([]);
});

test("what the JAX trainer does not do is named by its field", () => {
  expect(fieldsOf({ model: { sparse: { routing: "expert-choice" } } })).toEqual(["model.sparse.routing"]);
  expect(fieldsOf({ model: { sparse: { overflow: "next-choice", balancing: "sinkhorn" } } })).toEqual(["model.sparse.overflow", "model.sparse.balancing"]);
  expect(fieldsOf({ model: { sparse: null }, training: { pruning: {} } })).toEqual(["training.pruning"]);
  expect(fieldsOf({ start: { kind: "model", id: "0199aaaa-0000-7000-8000-000000000001" } })).toEqual(["start"]);
});
