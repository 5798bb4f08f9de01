// Every way of routing that a spec can ask for, through the addon: the capacity foretold is the engine's, no expert keeps more than its
// places, and what is reported adds up.
import { describe, expect, test } from "vitest";
import { consequences } from "../contract/consequences.ts";
import { RunSpec, type RunSpecInput } from "../contract/runSpec.ts";
import { Engine } from "./load.ts";
import type { Batch, LayerRouting } from "./switchyard.d.ts";

type SparseInput = NonNullable<NonNullable<RunSpecInput["model"]>["sparse"]>;
const GRID = [0.1, 0.25, 0.5, 1, 2];
/** What-if is known where a capacity is a limit that changes nobody's choice. */
const ROUTINGS: { name: string; sparse: SparseInput; whatIf: boolean; perToken: number }[] = [
  { name: "switch", sparse: {}, whatIf: true, perToken: 1 },
  { name: "switch below capacity 1, per sequence", sparse: { capacityFactor: { training: 0.1 }, capacityGroup: "sequence" }, whatIf: true, perToken: 1 },
  { name: "batch priority", sparse: { priority: "probability", capacityFactor: { training: 0.5 } }, whatIf: true, perToken: 1 },
  { name: "fixed capacity, padding routed", sparse: { fixedCapacity: 5, capacityGroup: "sequence", routePadding: true, auxiliaryLossForm: "hugging-face" }, whatIf: true, perToken: 1 },
  { name: "top-2", sparse: { routing: "top-k" }, whatIf: true, perToken: 2 },
  { name: "top-2, second at random", sparse: { routing: "top-k", laterChoices: "random" }, whatIf: true, perToken: 2 },
  { name: "top-2, second never", sparse: { routing: "top-k", laterChoices: "none" }, whatIf: true, perToken: 1 },
  { name: "threshold within a budget", sparse: { routing: "top-k", choices: 3, probabilityThreshold: 0.5, budget: 1.5 }, whatIf: true, perToken: 3 },
  { name: "No-Token-Left-Behind", sparse: { overflow: "next-choice", stages: 3 }, whatIf: false, perToken: 1 },
  { name: "dropless", sparse: { overflow: "dropless" }, whatIf: false, perToken: 1 },
  { name: "expert choice", sparse: { routing: "expert-choice", balancing: "none" }, whatIf: false, perToken: 4 },
  { name: "hash", sparse: { routing: "hash" }, whatIf: true, perToken: 1 },
  { name: "sampling", sparse: { exploration: "sampling" }, whatIf: true, perToken: 1 },
  { name: "jitter", sparse: { exploration: "jitter", jitter: 0.2 }, whatIf: true, perToken: 1 },
  { name: "input dropout", sparse: { exploration: "input-dropout" }, whatIf: true, perToken: 1 },
  { name: "sinkhorn", sparse: { balancing: "sinkhorn" }, whatIf: true, perToken: 1 },
  { name: "bias", sparse: { balancing: "bias", biasRate: 0.01 }, whatIf: true, perToken: 1 },
];

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
function batch(seed: number): Batch {
  const ids = (length: number, used: number) => Int32Array.from({ length: 4 * length }, (_, i) => (i % length < used ? 1 + (i * 37 + seed * 101) % 300 : 0));
  return { batchSize: 4, input: ids(16, 13), inputLength: 16, labels: ids(8, 7), labelLength: 8 };
}

function expectAddsUp(layer: LayerRouting, places: number, whatIf: boolean, perToken: number): void {
  expect(layer.capacity).toBe(places);
  for (const kept of layer.kept) expect(kept).toBeLessThanOrEqual(places * layer.groups);
  expect(sum(layer.load)).toBeLessThanOrEqual(perToken * layer.tokens);
  expect(sum(layer.kept)).toBeLessThanOrEqual(perToken * layer.tokens);
  expect(sum(layer.kept)).toBeGreaterThanOrEqual(Math.round((1 - layer.dropped) * layer.tokens));
  if (perToken === 1) expect(layer.dropped).toBeCloseTo(1 - sum(layer.kept) / layer.tokens, 6);
  expect(sum(layer.probability)).toBeCloseTo(layer.tokens, 3);
  expect(layer.dropAtCapacityFactor.map(([factor]) => factor)).toEqual(whatIf ? GRID : []);
  const drops = layer.dropAtCapacityFactor.map(([, dropped]) => dropped);
  expect(drops).toEqual([...drops].sort((a, b) => b - a));
}

describe.each(ROUTINGS)("$name", ({ sparse, whatIf, perToken }) => {
  const input: RunSpecInput = {
    device: "cpu", training: { batchSize: 4 }, data: { inputLength: 16, targetLength: 8 },
    model: { dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, decoderLayers: 2, precision: "fp32", sparse: { experts: 4, ...sparse } },
  };

  test("trains and evaluates, and its facts add up", async () => {
    const { seed, device, model, training } = RunSpec.parse(input);
    const engine = await Engine.create({ seed, device, model, training, vocabularySize: 384, padToken: 0, startToken: 0, capacityFactorGrid: GRID });
    const foretold = consequences(RunSpec.parse(input), { vocabularySize: 384 });
    expect(engine.parameterCount()).toBe(foretold.parameters.total);
    const places = (layer: LayerRouting) => foretold.capacity.find(({ stack }) => stack === layer.stack)!;
    for (let step = 1; step <= 3; step++) {
      const { routing, finite } = await engine.step(batch(step), { routing: true });
      expect(finite).toBe(true);
      expect(routing!.map(({ stack }) => stack)).toEqual(["encoder", "decoder"]);
      for (const layer of routing!) expectAddsUp(layer, places(layer).training, whatIf, perToken);
    }
    for (const layer of (await engine.evaluate(batch(1))).routing) expectAddsUp(layer, places(layer).evaluation, whatIf, perToken);
    engine.dispose();
  });
});
