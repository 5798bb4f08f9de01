// The native engine for tests of the JAX trainer: node engine.ts ASKED.json writes what came of it to `result`. Results hold float32 arrays as lists.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { CAPACITY_FACTOR_GRID } from "../../contract/events.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { Engine } from "../../native/load.ts";
import type { Batch } from "../../native/switchyard.d.ts";

interface WireBatch { input?: number[][]; labels: number[][]; decoderInput?: number[][] }
interface Asked {
  spec: object; vocabularySize: number; pad: number; result: string;
  /** Folders of checkpoints: saved before the first step, and after the last one. */
  first?: string; last?: string;
  steps: WireBatch[]; evaluate: WireBatch[]; logits: WireBatch[];
}

const asked = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Asked;
const spec = RunSpec.parse(asked.spec);
const engine = await Engine.create({
  seed: spec.seed, device: "cpu", model: spec.model, vocabularySize: asked.vocabularySize, padToken: asked.pad, startToken: asked.pad, capacityFactorGrid: [...CAPACITY_FACTOR_GRID],
  training: spec.training,
});
const ids = (rows: number[][]): Int32Array => Int32Array.from(rows.flat());
const batchOf = ({ input, labels, decoderInput }: WireBatch): Batch => ({
  ...(input ? { input: ids(input), inputLength: input[0]!.length } : {}), ...(decoderInput ? { decoderInput: ids(decoderInput) } : {}),
  labels: ids(labels), labelLength: labels[0]!.length, batchSize: labels.length,
});
async function save(folder: string | undefined): Promise<void> {
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await engine.save(folder);
}

await save(asked.first);
const logits = [], evaluations = [], results = [];
for (const batch of asked.logits) {
  const { input, inputLength, labels, labelLength, batchSize } = batchOf(batch);
  const reading = { ...(input ? { input, inputLength } : {}), decoderInput: labels, decoderLength: labelLength, batchSize } as Parameters<typeof engine.logits>[0];
  logits.push([...await engine.logits(reading)]);
}
for (const batch of asked.evaluate) evaluations.push(await engine.evaluate(batchOf(batch)));
for (const batch of asked.steps) results.push(await engine.step(batchOf(batch), { routing: true }));
await save(asked.last);
writeFileSync(asked.result, JSON.stringify({ logits, evaluations, steps: results, parameters: engine.parameters() }));
engine.dispose();
