// What a model consists of, counted from its spec: parameters, forward FLOPs and values kept for the backward pass, stack by stack.
// The form's consequences and the planner are both sums of these.
import { sparseIndices, stacksOf, type StackName } from "./modelSpec.ts";
import { BYTE_VOCABULARY, choicesOf, type RunSpec, type SparseSpec } from "./runSpec.ts";

export interface Facts {
  /** Tokens in the vocabulary; the byte tokenizer's where left out. */
  vocabularySize?: number;
  /** Tokens of training text, for epochs; null or left out where not known. */
  trainingTokens?: number | null;
  /** What a vision model sees; MNIST where left out. */
  images?: ImageFacts;
}
export interface ImageFacts { height: number; width: number; channels: number; classes: number }
export const MNIST: ImageFacts = { height: 28, width: 28, channels: 1, classes: 10 };
/** Patches an image is cut into; what does not fill one at the edge is left out. */
export const patchesOf = ({ height, width }: ImageFacts, size: number): number => Math.floor(height / size) * Math.floor(width / size);

/** One stack of the model. FLOPs and kept values are those of one sequence; multiply-adds count as 2. */
export interface StackCounts {
  stack: StackName;
  layers: number;
  /** Length of a sequence in it. */
  tokens: number;
  /** Each layer attends to the encoder as well. */
  cross: boolean;
  /** Layers whose feed-forward is a switch layer, from 0. */
  sparseLayers: number[];
  /** `positions` are the tables of relative position biases; `experts` all experts of all sparse layers. */
  parameters: { attention: number; positions: number; dense: number; experts: number; router: number; norm: number };
  /**
   * `attention` are the projections of the stack's own tokens, `memory` cross-attention's keys and values of the encoder's tokens,
   * `scores` queries by keys and weights by values, `experts` what tokens meet on average (no padding of places), `head` the logits.
   */
  flops: { attention: number; memory: number; scores: number; dense: number; experts: number; router: number; head: number };
  /**
   * Values kept for the backward pass: `stream` as wide as the model, `heads` queries, keys, values and their mix, `scores` twice (before
   * and after dropout), `hidden` inside feed-forward layers, an expert holding what a token would; `logits` in fp32, with their gradient.
   */
  kept: { stream: number; heads: number; scores: number; hidden: number; logits: number };
}
export interface ModelCounts {
  stacks: StackCounts[];
  /** Token or patch embeddings, positions of patches, and heads that are not tied. */
  embedding: number;
  /** Of a sequence outside the stacks: a vision model's patches and classes. */
  ends: number;
  /** Weights of one feed-forward layer, or of one expert. */
  feedForward: number;
  /** Experts that a token meets in a sparse layer, on average. */
  met: number;
}

/** Lengths of a sequence in the model's stacks. */
function sizesOf({ model, data }: RunSpec, patches: number): { stack: StackName; layers: number; tokens: number; cross: boolean }[] {
  return stacksOf(model).map(({ stack, layers }) => ({
    stack, layers, cross: stack === "decoder" && model.architecture === "encoder-decoder",
    tokens: model.architecture === "vision" ? patches : stack === "encoder" ? data.inputLength : data.targetLength,
  }));
}

/** Experts that a token meets: its choices, or under expert choice what the places of all experts give it. */
export function expertsMet(sparse: SparseSpec | null): number {
  return sparse ? Math.min(sparse.experts, sparse.routing === "expert-choice" ? sparse.capacityFactor.training : choicesOf(sparse)) : 0;
}

export function modelCounts(spec: RunSpec, facts: Facts = {}): ModelCounts {
  const { model } = spec, { dModel, dFf, heads, dKv, sparse } = model;
  const vision = model.architecture === "vision", images = facts.images ?? MNIST, patches = patchesOf(images, model.patchSize);
  const vocabulary = facts.vocabularySize ?? BYTE_VOCABULARY.size, inner = heads * dKv, experts = sparse?.experts ?? 0, met = expertsMet(sparse);
  const attention = 4 * dModel * inner, matrices = model.feedForward.startsWith("gated") ? 3 : 2, feedForward = matrices * dModel * dFf;
  const patchWeights = images.channels * model.patchSize ** 2 * dModel;
  const sizes = sizesOf(spec, patches), memoryTokens = sizes.find(({ stack }) => stack === "encoder")?.tokens ?? 0;
  return {
    embedding: vision ? patchWeights + (patches + images.classes) * dModel : vocabulary * dModel * (1 + Number(!model.tiedEmbeddings) + Number(!model.sharedEmbeddings)),
    ends: vision ? patches * 2 * patchWeights + 2 * dModel * images.classes : 0,
    feedForward, met,
    stacks: sizes.map(({ stack, layers, tokens, cross }) => {
      const sparseLayers = sparseIndices(model, stack, layers), switches = sparseLayers.length, attentions = cross ? 2 : 1, attended = tokens + (cross ? memoryTokens : 0);
      const routers = sparse?.routing === "hash" ? 0 : switches;
      return {
        stack, layers, tokens, cross, sparseLayers,
        parameters: {
          attention: layers * attentions * attention,
          // One table in each stack's first block; a vision model has positions in its embedding instead.
          positions: vision ? 0 : model.relativePositionBuckets * heads,
          dense: (layers - switches) * feedForward, experts: switches * experts * feedForward,
          // A balancing bias is one number an expert.
          router: routers * experts * (dModel + (sparse?.balancing === "bias" ? 1 : 0)),
          norm: layers * (attentions + 1) * dModel + dModel,
        },
        flops: {
          attention: layers * tokens * (2 * attention + (cross ? attention : 0)), memory: cross ? layers * memoryTokens * attention : 0,
          scores: layers * tokens * 4 * attended * inner,
          dense: (layers - switches) * tokens * 2 * feedForward, experts: switches * met * tokens * 2 * feedForward,
          router: routers * tokens * 2 * dModel * experts, head: stack === "decoder" ? tokens * 2 * dModel * vocabulary : 0,
        },
        kept: {
          stream: layers * tokens * 8 * dModel, heads: layers * tokens * 4 * inner * attentions, scores: layers * 2 * heads * tokens * attended,
          hidden: layers * tokens * matrices * dFf, logits: stack === "decoder" ? 2 * tokens * vocabulary : 0,
        },
      };
    }),
  };
}

/** Sum over the fields of records, for example all FLOPs of a stack. */
export const sumOf = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, value) => sum + value, 0);
