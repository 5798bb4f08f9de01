import { expect, test } from "vitest";
import { RunSpec, type RunSpecInput } from "./runSpec.ts";
import { weightsIssues, type TrainedModel } from "./startingWeights.ts";

const model = { dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, decoderLayers: 2 };
const spec = (input: RunSpecInput = {}) => RunSpec.parse({ ...input, model: { ...model, ...input.model } });
const trained = (input: RunSpecInput["model"] = {}, tokenizer: string | null = "bytes"): TrainedModel => ({ name: "base", tokenizer, model: spec({ model: input }).model });
const start = (own: RunSpecInput, from: TrainedModel) => weightsIssues(spec(own), "bytes", from, null);
const teacher = { kind: "model", id: "0199aaaa-0000-7000-8000-000000000009" } as const;

test("a model fits itself, and what does not change its weights may change", () => {
  expect(start({}, trained())).toEqual([]);
  expect(start({ model: { dropout: 0, precision: "fp32", initializationScale: 1, patchSize: 3, sparse: { capacityFactor: { training: 2 }, expertDropout: 0.4 } } }, trained())).toEqual([]);
});

test("sparse, dense and other routing fit each other; another number of experts does not", () => {
  expect(start({ model: { sparse: null } }, trained())).toEqual([]);
  expect(start({}, trained({ sparse: null }))).toEqual([]);
  expect(start({ model: { sparse: { experts: 4 } } }, trained({ sparse: null }))).toEqual([]);
  expect(start({ model: { sparse: { experts: 4 } } }, trained())).toMatchObject([{ path: "start", message: '"base" has another number of experts (8, here 4); its weights fit a model with as many.' }]);
  // Sparse in other layers: each is upcycled or left fresh, so the numbers need not agree.
  expect(start({ model: { sparse: { experts: 4, layers: { encoder: [0], decoder: [0] } } } }, trained())).toEqual([]);
});

test.each<[RunSpecInput["model"], string]>([
  [{ dModel: 64 }, "model width (32, here 64)"], [{ heads: 4 }, "attention heads (2, here 4)"], [{ decoderLayers: 4 }, "decoder layers (2, here 4)"],
  [{ feedForward: "gelu" }, "feed-forward (relu, here gelu)"], [{ tiedEmbeddings: false }, "tie input and output embeddings (true, here false)"], [{ normEpsilon: 1e-5 }, "norm ε"],
])("a model of other sizes is refused by its first difference: %j", (own, words) => {
  const [issue, ...more] = start({ model: own }, trained());
  expect([issue!.path, more]).toEqual(["start", []]);
  expect(issue!.message).toContain(`"base" has another ${words}`);
});

test("another tokenizer is refused; one that is not known is left to the trainer", () => {
  expect(start({}, trained({}, "sha256"))[0]!.message).toContain("another tokenizer");
  expect(start({}, trained({}, null))).toEqual([]);
});

test("a teacher may be of other sizes unless the student begins with its weights", () => {
  const student = (initialize: boolean) => spec({ model: { sparse: null, dModel: 16 }, distillation: { teacher, initialize } });
  expect(weightsIssues(student(false), "bytes", null, trained())).toEqual([]);
  expect(weightsIssues(student(true), "bytes", null, trained())).toMatchObject([{ path: "distillation.initialize" }]);
  expect(weightsIssues(student(false), "bytes", null, trained({}, "sha256"))).toMatchObject([{ path: "distillation.teacher" }]);
  const decoder = spec({ model: { architecture: "decoder-only" }, data: { objective: "causal" }, distillation: { teacher } });
  expect(weightsIssues(decoder, "bytes", null, trained())).toMatchObject([{ path: "distillation.teacher", message: expect.stringContaining("architecture (encoder-decoder)") }]);
});
