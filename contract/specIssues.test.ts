import { expect, test } from "vitest";
import { z } from "zod";
import { RunSpec } from "./runSpec.ts";
import { toIssues } from "./specIssues.ts";

const issues = (spec: unknown) => {
  const parsed = RunSpec.safeParse(spec);
  return parsed.success ? [] : toIssues(parsed.error).map(({ path, message }) => `${path}: ${message}`);
};

test("a good spec has none", () => expect(issues({})).toEqual([]));

test.each([
  [{ model: { dModel: 1 } }, "model.dModel: Must be at least 2."],
  [{ model: { dModel: "wide" } }, "model.dModel: Must be a number."],
  [{ model: { dModel: 12.5 } }, "model.dModel: Must be a whole number."],
  [{ model: { dropout: 2 } }, "model.dropout: Must be at most 0.9."],
  [{ model: { precision: "fp8" } }, 'model.precision: Must be one of "fp32", "bf16", "selective".'],
  [{ name: "" }, "name: Must not be empty."],
  [{ model: { width: 3 } }, "model.width: There is no such field."],
  [{ data: { source: { kind: "file" } } }, 'data.source.kind: Must be one of "sample", "files", "jsonl", "images", "idx".'],
  [{ data: { source: { kind: "files", paths: [] } } }, "data.source.paths: Name at least one."],
  [{ device: "cuda:0", mesh: { data: 2 } }, 'device: A mesh takes a GPU for each rank; choose "cuda", or name their UUIDs.'],
  [{ device: `GPU-${"0".repeat(36)}`, mesh: { data: 2 } }, "device: One GPU is named for 2 ranks; name one for each."],
  [{ device: "tpu" }, 'device: Write "auto", "cpu", "cuda", "cuda:0" or the UUIDs of GPUs.'],
  [{ training: { learningRate: 0 } }, "training.learningRate: Must be at least 1e-8."],
  [{ training: { batchSize: 70_000 } }, "training.batchSize: Must be at most 65,536."],
  [{ training: { steps: 10, warmupSteps: 20 } }, "training.warmupSteps: The warm-up is longer than the run of 10 steps; make it at most that."],
  [{ model: { sparse: { exploration: "sampling", balancing: "sinkhorn" } } }, "model.sparse.exploration: Sampling draws from the router's probabilities alone, which sinkhorn and bias balancing do not; choose one of them."],
  [{ model: { sparse: { overflow: "dropless", fixedCapacity: 8 } } }, "model.sparse.fixedCapacity: Without a capacity limit there is no fixed capacity; leave it empty."],
])("%j", (spec, sentence) => expect(issues(spec)).toContain(sentence));

test.each([
  ["budget", { budget: 1.5 }, {}, "Counts only with top-k routing and 2 or more experts a token; choose that, or leave this empty."],
  ["probabilityThreshold", { probabilityThreshold: 0.5 }, { routing: "top-k", choices: 1 }, "Counts only with top-k routing and 2 or more experts a token; choose that, or leave this empty."],
  ["laterChoices", { laterChoices: "random" }, {}, "leave this at \"all\"."],
  ["normalizeGates", { normalizeGates: false }, { routing: "expert-choice" }, "leave this at true."],
  ["choices", { choices: 3 }, {}, "Counts only with top-k routing; choose that, or leave this at 2."],
  ["jitter", { jitter: 0.1 }, { exploration: "sampling" }, "Counts only with input jitter as exploration"],
  ["inputDropout", { inputDropout: 0.2 }, { exploration: "jitter" }, "Counts only with input dropout as exploration"],
  ["biasRate", { biasRate: 0.1 }, { balancing: "sinkhorn" }, "Counts only with balancing by a bias"],
  ["stages", { stages: 3 }, {}, "Counts only with overflow to the next choice"],
  ["priority", { priority: "probability" }, { routing: "expert-choice" }, "tokens that choose"],
  ["priority", { priority: "probability" }, { overflow: "dropless" }, "a capacity limit"],
  ["capacityGroup", { capacityGroup: "sequence" }, { overflow: "dropless", balancing: "none" }, "a capacity limit"],
  ["auxiliaryLossGroup", { auxiliaryLossGroup: "batch" }, { balancing: "bias" }, "balancing by the auxiliary loss"],
  ["auxiliaryLossForm", { auxiliaryLossForm: "hugging-face" }, { balancing: "none" }, "an auxiliary loss or a z-loss"],
  ["auxiliaryLossSteps", { auxiliaryLossSteps: 5 }, { balancing: "none" }, "an auxiliary loss or a z-loss"],
  ["zLoss", { zLoss: 0.001 }, { routing: "hash", balancing: "none" }, "a router"],
  ["every", { every: 3 }, { layers: { encoder: [0], decoder: [] } }, "every n-th layer"],
])("%s is refused where it would change nothing", (field, set, beside, sentence) => {
  expect(issues({ model: { sparse: beside } })).toEqual([]);
  expect(issues({ model: { sparse: { ...beside, ...set } } })).toEqual([expect.stringMatching(new RegExp(`^model\\.sparse\\.${field}: .*${sentence.replaceAll(".", "\\.")}`))]);
});

test("each field counts where it should, and a capacity factor or loss that another choice replaced may stay", () => {
  for (const sparse of [
    { routing: "top-k", choices: 3, budget: 1.5, probabilityThreshold: 0.5, laterChoices: "random", normalizeGates: false, priority: "probability" }, { exploration: "jitter", jitter: 0.1 },
    { exploration: "input-dropout", inputDropout: 0.2 }, { balancing: "bias", biasRate: 0.1 }, { overflow: "next-choice", stages: 3 }, { balancing: "none", zLoss: 0.001, auxiliaryLossSteps: 5 },
    { overflow: "dropless", capacityGroup: "sequence" }, { overflow: "dropless", capacityFactor: { training: 1 } }, { balancing: "none", auxiliaryLoss: 0.1 }, { fixedCapacity: 9, capacityFactor: { training: 1 } },
  ]) expect(issues({ model: { sparse } })).toEqual([]);
});

test("what a request leaves out is missing", () => {
  const { error } = z.strictObject({ source: z.unknown() }).safeParse({});
  expect(toIssues(error!)).toEqual([{ path: "source", message: "Is missing." }]);
});
