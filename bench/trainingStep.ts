// A training step beside transformers' SwitchTransformers, with and without diagnostics, and beside the dense twin.
import { availableParallelism } from "node:os";
import { RunSpec } from "../contract/runSpec.ts";
import { Engine } from "../native/load.ts";
import type { Batch, Engine as NativeEngine, EngineConfig } from "../native/switchyard.d.ts";
import { median, type BenchRow } from "./benchRow.ts";
import { peerPython } from "./peers/environment.ts";
import { TransformersPeer, type PeerMode } from "./peers/transformersPeer.ts";

const ROUNDS = 15;
/** A step that takes longer than this is far from the best mode, and timed in the first rounds alone. */
const SLOW_SECONDS = 5, SLOW_ROUNDS = 2;
/** Compiling takes minutes and gains nothing here, so the larger model is spared it. */
const MODES: Record<number, readonly PeerMode[]> = { 8: ["fp32", "bf16", "compiled-fp32", "compiled-bf16"], 32: ["fp32", "bf16"] };
const VOCABULARY = 8192, BATCH = 16, INPUT = 128, TARGET = 32;
const GRID = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

export interface Shape { experts: number; capacityFactor: number; precision: "fp32" | "selective"; dense?: boolean }

/** The reference model: 4+4 layers, d_model 256, d_ff 1024, 4 heads, vocabulary 8,192, dropout 0.1, AdamW. */
export function engineConfig({ experts, capacityFactor, precision, dense = false }: Shape): EngineConfig {
  const { model, training } = RunSpec.parse({
    model: { dModel: 256, dFf: 1024, heads: 4, dKv: 64, encoderLayers: 4, decoderLayers: 4, dropout: 0.1, precision, sparse: dense ? null : { experts, capacityFactor: { training: capacityFactor } } },
  });
  return { seed: 1, device: "cpu", model, training, vocabularySize: VOCABULARY, padToken: 0, startToken: 0, capacityFactorGrid: GRID };
}
export const makeEngine = (shape: Shape): Promise<NativeEngine> => Engine.create(engineConfig(shape));

export function randomBatch(): Batch & { input: Int32Array } {
  let state = 12345;
  const ids = (count: number) => Int32Array.from({ length: count }, () => 1 + (state = (state * 1103515245 + 12345) & 0x7fffffff) % (VOCABULARY - 1));
  return { input: ids(BATCH * INPUT), inputLength: INPUT, labels: ids(BATCH * TARGET), labelLength: TARGET, batchSize: BATCH };
}

export const seconds = async (engine: NativeEngine, batch: Batch, routing = false): Promise<number> => {
  const start = performance.now();
  await engine.step(batch, { routing });
  return (performance.now() - start) / 1000;
};

export async function warm(engines: readonly NativeEngine[], batch: Batch): Promise<void> {
  for (const engine of engines) for (let i = 0; i < 3; i++) await engine.step(batch);
}

/** Each against each mode of transformers, step by step in turn. */
export async function againstTransformers(say: (line: string) => void, rounds = ROUNDS): Promise<BenchRow[]> {
  const python = peerPython(say), batch = randomBatch(), threads = availableParallelism();
  const rows: BenchRow[] = [];
  for (const [experts, modes] of Object.entries(MODES).map(([count, all]) => [Number(count), all] as const)) {
    const shape = { experts, capacityFactor: 1.25 };
    const engines = { selective: await makeEngine({ ...shape, precision: "selective" }), fp32: await makeEngine({ ...shape, precision: "fp32" }) };
    const sizes = { vocabulary: VOCABULARY, dModel: 256, dFf: 1024, dKv: 64, heads: 4, layers: 4, experts, capacity: Math.ceil(INPUT / experts * 1.25), dropout: 0.1, batch: BATCH };
    const peers: TransformersPeer[] = [];
    for (const mode of modes) {
      say(`Building transformers, ${mode}, ${experts} experts ...`);
      const peer = new TransformersPeer(python, mode);
      await peer.make(sizes, batch.input, batch.labels, threads);
      peers.push(peer);
    }
    await warm(Object.values(engines), batch);
    const ours = { selective: [] as number[], fp32: [] as number[] }, theirs = new Map<PeerMode, number[]>(modes.map((mode) => [mode, []]));
    say(`Timing ${rounds} rounds, ${experts} experts ...`);
    for (let round = 0; round < rounds; round++) {
      ours.selective.push(await seconds(engines.selective, batch));
      ours.fp32.push(await seconds(engines.fp32, batch));
      for (const peer of peers) {
        const times = theirs.get(peer.mode)!;
        if (round < SLOW_ROUNDS || median(times) < SLOW_SECONDS) times.push(...await peer.step(1));
      }
    }
    for (const engine of Object.values(engines)) engine.dispose();
    for (const peer of peers) await peer.end();
    const method = `median of ${rounds} steps in turn (${SLOW_ROUNDS} of a mode whose step takes over ${SLOW_SECONDS} s); ${peers[0]!.version}; 4+4 layers, d_model 256, d_ff 1024, vocabulary ${VOCABULARY}, batch ${BATCH}, ${INPUT} in, ${TARGET} out, dropout 0.1, AdamW, ${threads} threads`;
    const best = modes.reduce((a, b) => (median(theirs.get(b)!) < median(theirs.get(a)!) ? b : a));
    const row = (precision: "selective" | "fp32", mode: PeerMode): BenchRow => ({
      benchmark: `training step, ${experts} experts, ${precision}`, measured: median(ours[precision]) * 1000, against: `transformers, ${mode}${mode === best ? " (its best)" : ""}`, reference: median(theirs.get(mode)!) * 1000, unit: "ms", method,
    });
    const [faster, slower] = median(ours.selective) < median(ours.fp32) ? ["selective", "fp32"] as const : ["fp32", "selective"] as const;
    rows.push(...modes.map((mode) => row(faster, mode)), row(slower, best));
  }
  return rows;
}

/** Recording the routing of a step against not recording it, on one engine in turn. */
export async function diagnosticsCost(rounds = 60): Promise<BenchRow[]> {
  const engine = await makeEngine({ experts: 8, capacityFactor: 1.25, precision: "selective" }), batch = randomBatch();
  await warm([engine], batch);
  const on: number[] = [], off: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The order changes from round to round: what comes second is not always the same.
    const order = round % 2 === 0 ? [on, off] : [off, on];
    for (const times of order) times.push(await seconds(engine, batch, times === on));
  }
  engine.dispose();
  return [{ benchmark: "step with routing recorded", measured: median(on) * 1000, against: "step without", reference: median(off) * 1000, unit: "ms", method: `median of ${rounds} steps of each in changing turn, 8 experts, 4 sparse layers; recorded every 5th step by default, which costs a fifth of the difference` }];
}

/** A model with switch layers at capacity 1.0 against the dense model of the same FLOPs a token. */
export async function denseTwin(rounds = ROUNDS): Promise<BenchRow[]> {
  const batch = randomBatch(), rows: BenchRow[] = [];
  for (const experts of [8, 64]) {
    const sparse = await makeEngine({ experts, capacityFactor: 1, precision: "selective" }), dense = await makeEngine({ experts, capacityFactor: 1, precision: "selective", dense: true });
    await warm([sparse, dense], batch);
    const times = { sparse: [] as number[], dense: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      times.sparse.push(await seconds(sparse, batch));
      times.dense.push(await seconds(dense, batch));
    }
    sparse.dispose();
    dense.dispose();
    rows.push({ benchmark: `training step, switch, ${experts} experts, capacity 1.0`, measured: median(times.sparse) * 1000, against: "dense twin of equal FLOPs a token", reference: median(times.dense) * 1000, unit: "ms", method: `median of ${rounds} steps in turn, optimizer included (it updates every expert)` });
  }
  return rows;
}
