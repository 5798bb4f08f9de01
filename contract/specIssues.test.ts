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
  [{ data: { source: { kind: "files", paths: [] } } }, "data.source.paths: Name at least one."],
  [{ device: "tpu" }, 'device: Write "auto", "cpu" or "cuda:0".'],
  [{ training: { learningRate: 0 } }, "training.learningRate: Must be at least 1e-8."],
  [{ training: { batchSize: 70_000 } }, "training.batchSize: Must be at most 65,536."],
  [{ training: { steps: 10, warmupSteps: 20 } }, "training.warmupSteps: The warm-up is longer than the run of 10 steps."],
  [{ model: { sparse: { exploration: "sampling", balancing: "sinkhorn" } } }, "model.sparse.exploration: Sampling draws from the router's probabilities alone, which sinkhorn and bias balancing do not; choose one of them."],
  [{ model: { sparse: { overflow: "dropless", fixedCapacity: 8 } } }, "model.sparse.fixedCapacity: Without a capacity limit there is no fixed capacity; leave it empty."],
])("%j", (spec, sentence) => expect(issues(spec)).toContain(sentence));

test("what a request leaves out is missing", () => {
  const { error } = z.strictObject({ source: z.unknown() }).safeParse({});
  expect(toIssues(error!)).toEqual([{ path: "source", message: "Is missing." }]);
});
