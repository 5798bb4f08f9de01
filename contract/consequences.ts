// What a spec leads to, computed without a model: parameters, FLOPs, capacity, memory. Cheap enough for each keystroke.
import { BYTE_VOCABULARY, type ModelSpec, type RunSpec } from "./runSpec.ts";

export interface Facts {
  /** Tokens in the vocabulary; the byte tokenizer's where left out. */
  vocabularySize?: number;
  /** Tokens of training text, for epochs; null or left out where not known. */
  trainingTokens?: number | null;
}
export interface Parameters { embedding: number; attention: number; dense: number; experts: number; router: number; norm: number; total: number }
export interface StackCapacity { stack: "encoder" | "decoder"; tokens: number; groups: number; training: number; evaluation: number }
export interface Consequences {
  parameters: Parameters;
  /** Parameters that one token meets: all but the experts it is not sent to. */
  activeParameters: number;
  /** Multiply-adds count as 2. Training is 3 × forward: the backward pass makes two products for each of the forward's. */
  flopsPerToken: { forward: number; training: number };
  flopsPerSequence: { forward: number; training: number };
  /** Encoder and decoder tokens of a step, padding included. */
  tokensPerStep: number;
  sparseLayers: { stack: "encoder" | "decoder"; layer: number }[];
  /** Places an expert has in each group. */
  capacity: StackCapacity[];
  /** Bytes, an estimate to be held against the measured peak. */
  memory: { parameters: number; gradients: number; optimizer: number; activations: number; total: number };
  /** null where the size of the text is not known. */
  epochs: number | null;
}

/** Indices of sparse blocks among `layers`: i mod every = every − 1. */
export function sparseIndices(model: ModelSpec, layers: number): number[] {
  const every = model.sparse?.every ?? 0;
  return every === 0 ? [] : Array.from({ length: layers }, (_, i) => i).filter((i) => i % every === every - 1);
}

/**
 * Places an expert has: ceil(tokens ÷ experts × factor), Switch Transformer eq. 3, at least 1 and at most one a token. The same in
 * native/model/router.cpp; the small subtraction keeps 100 ÷ 8 × 1.2 = 15.000000000000002 from taking a sixteenth place.
 */
export const expertCapacity = (tokens: number, experts: number, factor: number): number =>
  Math.min(Math.max(Math.ceil(tokens / experts * factor - 1e-9), 1), tokens);

/** A T5 stack's sizes; `tokens` is the length of a sequence in it. */
function stacksOf({ model, data }: RunSpec): { stack: "encoder" | "decoder"; layers: number; tokens: number; cross: boolean }[] {
  const paired = model.architecture === "encoder-decoder";
  const decoder = { stack: "decoder" as const, layers: model.decoderLayers, tokens: data.targetLength, cross: paired };
  return paired ? [{ stack: "encoder", layers: model.encoderLayers, tokens: data.inputLength, cross: false }, decoder] : [decoder];
}

export function consequences(spec: RunSpec, facts: Facts = {}): Consequences {
  const { model, data, training } = spec, { dModel, dFf, heads, dKv, sparse } = model;
  const vocabulary = facts.vocabularySize ?? BYTE_VOCABULARY.size, inner = heads * dKv, experts = sparse?.experts ?? 0;
  const attention = 4 * dModel * inner, feedForward = 2 * dModel * dFf;
  const count: Parameters = { embedding: vocabulary * dModel * (model.tiedEmbeddings ? 1 : 2), attention: 0, dense: 0, experts: 0, router: 0, norm: 0, total: 0 };
  const sparseLayers: Consequences["sparseLayers"] = [], capacity: StackCapacity[] = [];
  let forward = 0, activations = 0;
  for (const { stack, layers, tokens, cross } of stacksOf(spec)) {
    const switches = sparseIndices(model, layers), attentions = cross ? 2 : 1;
    sparseLayers.push(...switches.map((layer) => ({ stack, layer })));
    // Relative position bias: one table in each stack's first block.
    count.attention += layers * attentions * attention + model.relativePositionBuckets * heads;
    count.dense += (layers - switches.length) * feedForward;
    count.experts += switches.length * experts * feedForward;
    count.router += switches.length * experts * dModel;
    count.norm += layers * (attentions + 1) * dModel + dModel;
    // Per sequence: projections and feed-forward, 2 × weights a token; scores and their sum over values, 4 × keys × inner a token.
    forward += layers * tokens * (2 * attention + 4 * tokens * inner + 2 * feedForward) + switches.length * tokens * 2 * dModel * experts;
    if (cross) forward += layers * (tokens * (dModel * inner * 4 + 4 * data.inputLength * inner) + data.inputLength * dModel * inner * 4);
    if (stack === "decoder") forward += tokens * 2 * dModel * vocabulary;
    const saved = tokens * (8 * dModel + 4 * inner + 2 * dFf) + 2 * heads * tokens * tokens + (cross ? 2 * heads * tokens * data.inputLength + 4 * tokens * inner : 0);
    activations += training.batchSize * layers * saved * (model.precision === "fp32" ? 4 : 2);
    if (stack === "decoder") activations += training.batchSize * tokens * vocabulary * 8;
    if (sparse && switches.length) {
      const perBatch = sparse.capacityGroup === "batch", group = perBatch ? tokens * training.batchSize : tokens;
      capacity.push({
        stack, tokens: group, groups: perBatch ? 1 : training.batchSize,
        training: expertCapacity(group, experts, sparse.capacityFactor.training), evaluation: expertCapacity(group, experts, sparse.capacityFactor.evaluation),
      });
    }
  }
  count.total = count.embedding + count.attention + count.dense + count.experts + count.router + count.norm;
  const sequenceTokens = stacksOf(spec).reduce((sum, { tokens }) => sum + tokens, 0);
  const tokensPerStep = sequenceTokens * training.batchSize;
  const bytes = 4 * count.total;
  // AdamW keeps two moments; Adafactor a row and a column of each matrix, under a hundredth of it.
  const optimizer = training.optimizer.kind === "adamw" ? 2 * bytes : Math.ceil(bytes / 100);
  return {
    parameters: count,
    activeParameters: count.total - (sparse ? count.experts * (experts - 1) / experts : 0),
    flopsPerToken: { forward: forward / sequenceTokens, training: 3 * forward / sequenceTokens },
    flopsPerSequence: { forward, training: 3 * forward },
    tokensPerStep, sparseLayers, capacity,
    memory: { parameters: bytes, gradients: bytes, optimizer, activations, total: 2 * bytes + optimizer + activations },
    epochs: facts.trainingTokens ? training.steps * tokensPerStep / facts.trainingTokens : null,
  };
}
