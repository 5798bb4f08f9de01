// The models that steps are timed on: sizes, a spec, an engine, and a batch of random tokens that fills every place.
import { availableParallelism } from "node:os";
import { RunSpec } from "../contract/runSpec.ts";
import { Engine } from "../native/load.ts";
import type { Batch, Engine as NativeEngine, EngineConfig } from "../native/switchyard.d.ts";

export interface Shape {
  /** null: the dense twin. */
  experts: number | null;
  capacityFactor: number; precision: "fp32" | "selective";
  /** Without an encoder the decoder has 8 blocks and reads 128 tokens. */
  decoderOnly?: boolean;
  /** d_model 512, d_ff 2048, 8 heads in place of 256, 1024 and 4. */
  larger?: boolean;
}

export const VOCABULARY = 8192, BATCH = 16, INPUT = 128, TARGET = 32;
const GRID = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
export const threads = availableParallelism();

/** 4+4 layers (or 8 of a decoder), d_model 256, d_ff 1024, 4 heads of 64, dropout 0.1, every second layer sparse, AdamW. */
export function specOf({ experts, capacityFactor, precision, decoderOnly = false, larger = false }: Shape): RunSpec {
  const sizes = larger ? { dModel: 512, dFf: 2048, heads: 8, dKv: 64 } : { dModel: 256, dFf: 1024, heads: 4, dKv: 64 };
  return RunSpec.parse({
    model: {
      ...sizes, ...(decoderOnly ? { architecture: "decoder-only", decoderLayers: 8 } : { encoderLayers: 4, decoderLayers: 4 }), dropout: 0.1, precision,
      sparse: experts === null ? null : { experts, capacityFactor: { training: capacityFactor } },
    },
    ...(decoderOnly ? { data: { objective: "causal" } } : {}), training: { batchSize: BATCH },
  });
}

export function engineConfig(shape: Shape): EngineConfig {
  const { model, training } = specOf(shape);
  return { seed: 1, device: "cpu", model, training, vocabularySize: VOCABULARY, padToken: 0, startToken: 0, capacityFactorGrid: GRID };
}
export const makeEngine = (shape: Shape): Promise<NativeEngine> => Engine.create(engineConfig(shape));

export function randomBatch({ decoderOnly = false }: Pick<Shape, "decoderOnly"> = {}): Batch {
  let state = 12345;
  const ids = (count: number) => Int32Array.from({ length: count }, () => 1 + (state = (state * 1103515245 + 12345) & 0x7fffffff) % (VOCABULARY - 1));
  const labelLength = decoderOnly ? INPUT : TARGET;
  return { ...(decoderOnly ? {} : { input: ids(BATCH * INPUT), inputLength: INPUT }), labels: ids(BATCH * labelLength), labelLength, batchSize: BATCH };
}

/** What a rival is told of a shape. */
export function sizesOf({ experts, capacityFactor, decoderOnly = false, larger = false }: Shape): Record<string, number> {
  return {
    vocabulary: VOCABULARY, dModel: larger ? 512 : 256, dFf: larger ? 2048 : 1024, dKv: 64, heads: larger ? 8 : 4, layers: 4, encoderLayers: decoderOnly ? 0 : 4, decoderLayers: decoderOnly ? 8 : 4,
    experts: experts ?? 0, capacityFactor, dropout: 0.1, batch: BATCH,
    // Places an expert has for each sequence, which is how transformers counts.
    capacity: experts ? Math.ceil(INPUT / experts * capacityFactor) : 0,
  };
}

/** In words, for a row. */
export const nameOf = ({ experts, capacityFactor, decoderOnly = false, larger = false }: Shape): string =>
  `${larger ? "larger, " : ""}${decoderOnly ? "decoder-only, " : ""}${experts} experts${capacityFactor === 1.25 ? "" : `, capacity ${capacityFactor.toFixed(1)}`}`;

export const describe = ({ decoderOnly = false, larger = false }: Shape): string =>
  `${decoderOnly ? "8" : "4+4"} layers, d_model ${larger ? 512 : 256}, d_ff ${larger ? 2048 : 1024}, vocabulary ${VOCABULARY}, batch ${BATCH}, ${decoderOnly ? `${INPUT} tokens` : `${INPUT} in, ${TARGET} out`}, dropout 0.1, AdamW, ${threads} threads`;

export const seconds = async (engine: NativeEngine, batch: Batch, routing = false): Promise<number> => {
  const start = performance.now();
  await engine.step(batch, { routing });
  return (performance.now() - start) / 1000;
};

export async function warm(engines: readonly NativeEngine[], batch: Batch): Promise<void> {
  for (const engine of engines) for (let i = 0; i < 3; i++) await engine.step(batch);
}
