import { expect, test } from "vitest";
import { fromRun } from "../../contract/derive.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { check, draftFrom, valueAt } from "../spec/draft.ts";
import { derived, duplicate } from "./beginning.ts";

const RUN = "0199aaaa-0000-7000-8000-00000000000a";
const sparse = RunSpec.parse({ name: "base" }), dense = RunSpec.parse({ name: "dense", model: { sparse: null } });
const vision = RunSpec.parse({ model: { architecture: "vision" }, data: { objective: "classification", source: { kind: "images", name: "mnist" } } });
const begun = (kind: Parameters<typeof derived>[0], spec: RunSpec) => draftFrom(derived(kind, fromRun(RUN, spec.name, spec)).presets[0]!.spec as object);
const paths = (draft: ReturnType<typeof begun>) => [...check(draft).issues.keys()];

test("a duplicate is the spec, with its origin", () => {
  const { key, presets } = duplicate(RUN, sparse);
  expect(key).toBe(RUN);
  expect(presets[0]!.spec).toMatchObject({ name: "base (copy)", lineage: { kind: "duplicate", runId: RUN }, model: sparse.model });
});
test("fine-tuning waits for its files alone, and has every other field", () => {
  const draft = begun("fine-tune", sparse);
  expect(paths(draft)).toEqual(["data.source.paths"]);
  expect(valueAt(draft, "start")).toEqual({ kind: "run", id: RUN, step: null });
  expect([valueAt(draft, "model.sparse.expertDropout"), valueAt(draft, "training.evaluateEvery"), valueAt(draft, "data.evaluationFraction")]).toEqual([0.4, 100, 0.05]);
  expect(paths(begun("fine-tune", vision))).toEqual(["data.source.images", "data.source.labels"]);
});
test("distilling and upcycling can start at once", () => {
  const student = begun("distil", sparse);
  expect(paths(student)).toEqual([]);
  expect([valueAt(student, "model.sparse"), valueAt(student, "distillation.teacher.id"), valueAt(student, "distillation.hardShare")]).toEqual([null, RUN, 0.75]);
  const upcycled = begun("upcycle", dense);
  expect(paths(upcycled)).toEqual([]);
  expect([valueAt(upcycled, "model.sparse.experts"), valueAt(upcycled, "start.id")]).toEqual([8, RUN]);
});
test("a sparse model is not upcycled", () => expect(() => derived("upcycle", fromRun(RUN, "base", sparse))).toThrow(/already has 8 experts/));
test("what is kept of one derivation is not another's draft", () =>
  expect(new Set([derived("fine-tune", fromRun(RUN, "a", dense)).key, derived("distil", fromRun(RUN, "a", dense)).key, duplicate(RUN, dense).key]).size).toBe(3));
