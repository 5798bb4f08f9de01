// Vision models and the baselines, whole and through the real engine.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RunSpec, type RunSpecInput } from "../contract/runSpec.ts";
import { engineIsBuilt, eventsOf, exitOf, measured, newRun, ofKind, reached, start, tinySpec, until, whole } from "./fixtures/tinyRun.ts";
import { listCheckpoints } from "./run/checkpoints.ts";

const LONG = 180_000;

/** MNIST in 16 patches; low capacity and batch priority as in V-MoE (2106.05974). */
const vision = (model: object, steps = 150): RunSpec => RunSpec.parse({
  name: "vision", seed: 3, device: "cpu",
  model: { architecture: "vision", patchSize: 7, dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, dropout: 0, initializationScale: 1, precision: "fp32", feedForward: "gelu", ...model },
  data: { source: { kind: "images", name: "mnist" }, objective: "classification", evaluationFraction: 0.05 },
  training: { batchSize: 32, steps, warmupSteps: Math.min(20, steps - 1), learningRate: 0.003, schedule: "constant", routingEvery: 50, evaluateEvery: steps, evaluationBatches: 100, threads: 1, checkpoint: { everySteps: 1000, everyMinutes: 1000 } },
} as RunSpecInput);
const lowCapacity = { experts: 4, expertDropout: 0, priority: "probability", capacityFactor: { training: 0.5, evaluation: 0.5 } };

describe.skipIf(!engineIsBuilt)("vision models (needs the built engine)", () => {
  test.each<[string, object]>([["dense", { sparse: null }], ["sparse, at half capacity", { sparse: lowCapacity }]])("%s, a model learns to tell digits apart", async (_, model) => {
    const run = await whole(vision(model)), events = eventsOf(run);
    // Chance is 0.1 and 2.3 nats.
    const [evaluation] = ofKind(events, "evaluation").slice(-1);
    expect(evaluation!.values["evaluation.accuracy"]).toBeGreaterThan(0.6);
    expect(evaluation!.values["evaluation.loss"]).toBeLessThan(1.3);
    const metrics = ofKind(events, "metrics");
    expect(metrics[0]!.tokens).toBe(32 * 16);
    for (const { layer, tokens, capacity, dropped } of ofKind(events, "routing")) {
      expect([layer, tokens, capacity]).toEqual([1, 32 * 16, 64]);
      expect(dropped).toBeGreaterThanOrEqual(0.5); // places for half of the patches
    }
    expect(ofKind(events, "routing").length).toBe("experts" in ((model as { sparse: object | null }).sparse ?? {}) ? 4 : 0);
    expect(ofKind(events, "log").map(({ message }) => message).join()).toMatch(/Images: 10,000 of 28 × 28 pixels, \d+ held out, 10 classes\./);
  }, LONG);

  test("killed and resumed, a run measures what it does uninterrupted", async () => {
    const spec = vision({ sparse: lowCapacity, dropout: 0.1 }, 12), often = { ...spec, training: { ...spec.training, checkpoint: { ...spec.training.checkpoint, everySteps: 5 } } };
    const uninterrupted = await whole(often), run = newRun(often), first = start(run);
    await until(run, reached(7));
    first.child.kill("SIGKILL");
    await first.ended;
    expect(await start(run).ended).toMatchObject({ code: 0 });
    expect(exitOf(run)).toMatchObject({ attempt: 2, reason: "completed" });
    expect(measured(run)).toEqual(measured(uninterrupted));
  }, LONG);

  test("patches larger than the images end the run in one sentence", async () => {
    const run = newRun(vision({ patchSize: 40 }));
    await start(run).ended;
    expect(exitOf(run).message).toContain("holds no patch of 40 × 40; choose a smaller patch size.");
  }, LONG);
});

/** The tensors of a run's newest checkpoint. */
function weights(run: string): Map<string, Float32Array> {
  const bytes = readFileSync(join(listCheckpoints(run)[0]!.folder, "model.safetensors")), length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>;
  return new Map(Object.entries(header).filter(([name]) => name !== "__metadata__").map(([name, { data_offsets: [from, to] }]) => [name, new Float32Array(Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to)).buffer)]));
}
const zeros = (values: Float32Array) => values.reduce((count, value) => count + (value === 0 ? 1 : 0), 0) / values.length;

describe.skipIf(!engineIsBuilt)("baselines (needs the built engine)", () => {
  test.each(["magnitude", "block"] as const)("pruned by %s, a dense model reaches its sparsity, through a kill as well", async (kind) => {
    const spec = tinySpec({ model: { sparse: null }, training: { pruning: { kind, sparsity: 0.75, blockSize: 4, beginStep: 4, endStep: 16, everySteps: 3 } } });
    const run = newRun(spec), first = start(run);
    await until(run, reached(13));
    first.child.kill("SIGKILL");
    await first.ended;
    expect(await start(run).ended).toMatchObject({ code: 0 });
    const uninterrupted = await whole(spec);
    expect(measured(run)).toEqual(measured(uninterrupted));
    const sparsity = ofKind(eventsOf(uninterrupted), "metrics").map(({ values }) => values["sparsity"] as number);
    expect(sparsity.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...sparsity].sort((a, b) => a - b)).toEqual(sparsity);
    expect(sparsity.at(-1)).toBeCloseTo(0.75, 2);
    const final = weights(uninterrupted);
    expect(zeros(final.get("encoder.block.0.layer.1.mlp.wi.weight")!)).toBeCloseTo(0.75, 2);
    expect(zeros(final.get("shared.weight")!)).toBe(0);
  }, LONG);

  test("an L1 penalty shrinks the weights and counts in the total loss", async () => {
    const size = (run: string) => [...weights(run)].filter(([name]) => !name.includes("norm")).reduce((sum, [, values]) => sum + values.reduce((s, value) => s + Math.abs(value), 0), 0);
    const [plain, penalized] = [await whole(tinySpec({ training: { learningRate: 0.01 } })), await whole(tinySpec({ training: { learningRate: 0.01, l1: 0.01 } }))];
    expect(size(penalized)).toBeLessThan(0.95 * size(plain));
    const { values } = ofKind(eventsOf(penalized), "metrics")[0]!;
    expect(values["totalLoss"] as number - (values["loss"] as number)).toBeGreaterThan(1);
  }, LONG);

  test("frozen parts come out as they went in", async () => {
    const freeze = { freeze: ["embeddings", "attention"] };
    const [short, long] = [weights(await whole(tinySpec({ training: { ...freeze, steps: 5 } }))), weights(await whole(tinySpec({ training: freeze })))];
    for (const [name, values] of long) expect([name, values.every((value, i) => value === short.get(name)![i])]).toEqual([name, /shared|Attention/.test(name)]);
  }, LONG);
});
