import { expect, test } from "vitest";
import { distillation, fineTuning, fromRun, upcycling, type DerivedFrom } from "./derive.ts";
import { ModelSpec, RunSpec } from "./runSpec.ts";

const ID = "0199aaaa-0000-7000-8000-000000000001";
const source = { kind: "run", id: ID, step: null } as const;
const sparse = RunSpec.parse({ seed: 7, name: "base", model: { dModel: 64, dropout: 0.2, sparse: { experts: 4 } }, data: { inputLength: 64 }, training: { learningRate: 0.002, batchSize: 8, warmupSteps: 50, l2: 0.1 } });
const dense = RunSpec.parse({ ...sparse, model: { ...sparse.model, sparse: null } });
const imported: DerivedFrom = { source: { kind: "model", id: ID }, name: "switch", model: sparse.model, tokenizer: { kind: "huggingface", path: "/t.json" }, data: null, training: null, seed: null };
/** What is derived is a whole spec that can be started as it is. */
const parsed = (input: object) => RunSpec.parse(input);

test("fine-tuning keeps the model with the dropout of table 4, and takes a lower constant rate", () => {
  const spec = parsed(fineTuning(fromRun(ID, "base", sparse), ["/a.jsonl"], ["/b.jsonl"]));
  expect(spec).toMatchObject({ name: "base, fine-tuned", seed: 7, start: source, distillation: null, lineage: null });
  expect(spec.model).toEqual({ ...sparse.model, dropout: 0.1, sparse: { ...sparse.model.sparse, expertDropout: 0.4 } });
  expect(spec.data).toMatchObject({ objective: "text-to-text", source: { kind: "jsonl", paths: ["/a.jsonl"], heldOut: ["/b.jsonl"] }, inputLength: 64, tokenizer: { kind: "bytes" } });
  expect(spec.training).toMatchObject({ learningRate: 0.0002, schedule: "constant", warmupSteps: 0, batchSize: 8, l2: 0 });
  expect(parsed(fineTuning(fromRun(ID, "base", dense), ["/a.jsonl"])).model.sparse).toBeNull();
});

test("a student is dense, of the same sizes and on the same data", () => {
  const spec = parsed(distillation(fromRun(ID, "base", sparse)));
  expect(spec).toMatchObject({ name: "base, distilled", start: null, distillation: { teacher: source, hardShare: 0.75, temperature: 1, initialize: true }, data: sparse.data });
  expect(spec.model).toEqual({ ...sparse.model, sparse: null });
  expect(spec.training).toEqual({ ...sparse.training, l2: 0 });
});

test("upcycling adds experts to a dense model, and to no other", () => {
  const spec = parsed(upcycling(fromRun(ID, "base", dense), 16));
  expect(spec).toMatchObject({ name: "base, upcycled to 16 experts", start: source, model: { dModel: 64, sparse: { experts: 16, routing: "switch" } }, data: dense.data });
  expect(() => upcycling(fromRun(ID, "base", sparse), 16)).toThrow('"base" already has 4 experts');
});

test("an imported model gives its tokenizer, and defaults for all that it does not know", () => {
  expect(parsed(fineTuning(imported, ["/a.jsonl"]))).toMatchObject({ seed: 1, start: { kind: "model", id: ID }, data: { tokenizer: { path: "/t.json" }, inputLength: 128 }, training: { learningRate: 0.0001, schedule: "constant" } });
  expect(parsed(distillation(imported)).data).toMatchObject({ objective: "span-corruption", tokenizer: { path: "/t.json" } });
  const decoder = { ...imported, model: ModelSpec.parse({ architecture: "decoder-only", sparse: null }) };
  expect(parsed(upcycling(decoder, 4)).data.objective).toBe("causal");
});

test("a long name leaves room for what was made of it", () =>
  expect(parsed(distillation(fromRun(ID, "n".repeat(200), sparse))).name).toMatch(/^n{189}, distilled$/));
