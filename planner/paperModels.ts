// The models of the Switch Transformer paper (2101.03961, table 9), and what their published counts are of.
import { modelCounts, type Facts } from "../contract/modelCounts.ts";
import { consequences } from "../contract/consequences.ts";
import { RunSpec } from "../contract/runSpec.ts";

/** T5's SentencePiece vocabulary, 32,000 pieces and 100 sentinels, padded to a multiple of 128. */
export const T5_FACTS: Facts = { vocabularySize: 32_128 };

export interface PaperModel {
  name: string;
  spec: RunSpec;
  /** As the paper gives them; where table 9 has one digit, the figure with more digits that the paper gives elsewhere. */
  published: { parameters: number; flopsPerSequence: number; note: string | null };
}

interface Shape { dModel: number; dFf: number; heads: number; layers: number; gated: boolean; experts: number | null; every: number }

/** Places are counted on each core, as in the paper's pseudocode (appendix F). 512 tokens in, 114 out: T5's span corruption of 15% in spans of 3 (1910.10683 §3.1.4). A batch has 2^20 tokens (§4.1): 2,048 sequences of 512. */
function paperSpec(name: string, { dModel, dFf, heads, layers, gated, experts, every }: Shape): RunSpec {
  const spec = RunSpec.parse({
    name,
    model: { dModel, dFf, heads, dKv: 64, encoderLayers: layers, decoderLayers: layers, feedForward: gated ? "gated-gelu" : "relu", sparse: experts === null ? null : { every, capacityGroup: "rank" } },
    data: { inputLength: 512, targetLength: 114 },
    training: { batchSize: 2048, steps: 500_000, warmupSteps: 10_000, optimizer: { kind: "adafactor" } },
  });
  // More experts than a run may have can be planned for.
  return experts === null ? spec : { ...spec, model: { ...spec.model, sparse: { ...spec.model.sparse!, experts } } };
}

const base = { dModel: 768, dFf: 2048, heads: 12, layers: 12, gated: true }, large = { dModel: 1024, dFf: 2816, heads: 16, layers: 24, gated: true };
const xxl = { dModel: 4096, dFf: 10_240, heads: 64, layers: 24, gated: true };

export const PAPER_MODELS: readonly PaperModel[] = [
  { name: "T5-Base", spec: paperSpec("T5-Base", { ...base, experts: null, every: 1 }), published: { parameters: 223e6, flopsPerSequence: 124e9, note: "table 9: 0.2B; 223M in table 7" } },
  { name: "T5-Large", spec: paperSpec("T5-Large", { ...large, experts: null, every: 1 }), published: { parameters: 739e6, flopsPerSequence: 425e9, note: "table 9: 0.7B; 739M in §4.1" } },
  { name: "T5-XXL", spec: paperSpec("T5-XXL", { ...xxl, experts: null, every: 1 }), published: { parameters: 11e9, flopsPerSequence: 6.3e12, note: null } },
  { name: "Switch-Base", spec: paperSpec("Switch-Base", { ...base, experts: 128, every: 2 }), published: { parameters: 7.4e9, flopsPerSequence: 124e9, note: "table 9: 7B; 7.4B in table 7" } },
  { name: "Switch-Large", spec: paperSpec("Switch-Large", { ...large, experts: 128, every: 2 }), published: { parameters: 26e9, flopsPerSequence: 425e9, note: null } },
  {
    // Table 9 says 64 experts, which makes 201B; 395B is what 128 make, and the published checkpoint of 395B (google/switch-xxl-128) has 128.
    name: "Switch-XXL", spec: paperSpec("Switch-XXL", { ...xxl, experts: 128, every: 2 }), published: { parameters: 395e9, flopsPerSequence: 6.3e12, note: "128 experts; table 9 says 64, which makes 201B" },
  },
  { name: "Switch-C", spec: paperSpec("Switch-C", { dModel: 2080, dFf: 6144, heads: 32, layers: 15, gated: false, experts: 2048, every: 1 }), published: { parameters: 1571e9, flopsPerSequence: 890e9, note: null } },
];

/**
 * FLOPs a sequence as the paper counts them: forward, multiply-adds as 2, each weight of a stack's layers once for each of the stack's own
 * tokens (cross-attention's keys and values for the decoder's 114 too), and attention scores; neither logits nor router. This reading is
 * found by fitting the seven rows, the paper states none.
 */
export function paperFlopsPerSequence(spec: RunSpec): number {
  return modelCounts(spec, T5_FACTS).stacks.reduce((sum, { flops, tokens, layers, cross }) => {
    const memory = cross ? layers * tokens * 4 * spec.model.dModel * spec.model.heads * spec.model.dKv : 0;
    return sum + flops.attention + memory + flops.scores + flops.dense + flops.experts;
  }, 0);
}

export interface PaperRow { name: string; parameters: number; flopsPerSequence: number; forward: number; published: PaperModel["published"] }
/** Counted and published figures of each model; `forward` is the whole forward pass, keys and values of the input's 512 tokens, logits and router included. */
export const paperTable = (): PaperRow[] => PAPER_MODELS.map(({ name, spec, published }) => {
  const { parameters, flopsPerSequence } = consequences(spec, T5_FACTS);
  return { name, parameters: parameters.total, flopsPerSequence: paperFlopsPerSequence(spec), forward: flopsPerSequence.forward, published };
});
