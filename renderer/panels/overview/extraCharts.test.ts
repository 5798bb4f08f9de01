import { expect, test } from "vitest";
import { RunSpec, type RunSpecInput } from "../../../contract/runSpec.ts";
import { extraCharts } from "./extraCharts.ts";

const ids = (spec: RunSpecInput) => extraCharts(RunSpec.parse(spec)).map(({ id }) => id);

test("a plain run has no chart that would stay empty", () => {
  expect(ids({})).toEqual([]);
  expect(extraCharts(null)).toEqual([]);
});
test("each kind of run shows what it records", () => {
  expect(ids({ data: { objective: "text-to-text", source: { kind: "jsonl", paths: ["/a"] } } })).toEqual(["accuracy", "exact-match"]);
  expect(ids({ model: { architecture: "vision" }, data: { objective: "classification", source: { kind: "images", name: "mnist" } } })).toEqual(["accuracy"]);
  expect(ids({ model: { sparse: null }, distillation: { teacher: { kind: "model", id: "0199aaaa-0000-7000-8000-00000000000a" } } })).toEqual(["distillation-loss", "teacher"]);
  expect(ids({ model: { sparse: null }, training: { pruning: {} } })).toEqual(["sparsity"]);
  expect(ids({ model: { sparse: { routing: "top-k" } } })).toEqual(["experts-per-token"]);
  expect(ids({ model: { sparse: { routing: "top-k", choices: 1 } } })).toEqual([]);
  expect(ids({ model: { sparse: { routing: "expert-choice" } } })).toEqual(["experts-per-token"]);
});
