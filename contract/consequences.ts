// What a spec leads to, computed without a model: parameters, FLOPs, capacity, memory. Cheap enough for each keystroke.
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

/**
 * Places an expert has: ceil(tokens ÷ experts × factor), Switch Transformer eq. 3, at least 1 and at most one a token. The same in
 * native/model/capacity.cpp; the small subtraction keeps 100 ÷ 8 × 1.2 = 15.000000000000002 from taking a sixteenth place.
 */
export const expertCapacity = (tokens: number, experts: number, factor: number): number =>
  Math.min(Math.max(Math.ceil(tokens / experts * factor - 1e-9), 1), tokens);

/** Sizes of the model's stacks; `tokens` is the length of a sequence in it. */
function sizesOf({ model, data }: RunSpec, patches: number): { stack: StackName; layers: number; tokens: number; cross: boolean }[] {
  return stacksOf(model).map(({ stack, layers }) => ({
    stack, layers, cross: stack === "decoder" && model.architecture === "encoder-decoder",
    tokens: model.architecture === "vision" ? patches : stack === "encoder" ? data.inputLength : data.targetLength,
  }));
}

/** Places an expert has in a group of so many tokens. */
function placesOf(sparse: SparseSpec, group: number, factor: number): number {
  if (sparse.overflow === "dropless") return group;
  if (sparse.fixedCapacity !== null) return Math.min(sparse.fixedCapacity, group);
  return expertCapacity(group, sparse.experts, factor * choicesOf(sparse));
}

export function consequences(spec: RunSpec, facts: Facts = {}): Consequences {
  const { model, data, training } = spec, { dModel, dFf, heads, dKv, sparse } = model;
  const vision = model.architecture === "vision", images = facts.images ?? MNIST, patches = patchesOf(images, model.patchSize);
  const vocabulary = facts.vocabularySize ?? BYTE_VOCABULARY.size, inner = heads * dKv, experts = sparse?.experts ?? 0;
  const attention = 4 * dModel * inner, matrices = model.feedForward.startsWith("gated") ? 3 : 2, feedForward = matrices * dModel * dFf;
  const patchWeights = images.channels * model.patchSize ** 2 * dModel;
  const embedding = vision ? patchWeights + (patches + images.classes) * dModel : vocabulary * dModel * (1 + Number(!model.tiedEmbeddings) + Number(!model.sharedEmbeddings));
  const count: Parameters = { embedding, attention: 0, dense: 0, experts: 0, router: 0, norm: 0, total: 0 };
  const sparseLayers: Consequences["sparseLayers"] = [], capacity: StackCapacity[] = [];
  // Experts that a token meets in a sparse layer, on average.
  const met = sparse ? Math.min(experts, sparse.routing === "expert-choice" ? sparse.capacityFactor.training : choicesOf(sparse)) : 0;
  const stacks = sizesOf(spec, patches);
  let forward = vision ? patches * 2 * patchWeights + 2 * dModel * images.classes : 0, activations = 0;
  for (const { stack, layers, tokens, cross } of stacks) {
    const switches = sparseIndices(model, stack, layers), attentions = cross ? 2 : 1, routers = sparse?.routing === "hash" ? 0 : switches.length;
    sparseLayers.push(...switches.map((layer) => ({ stack, layer })));
    // Relative position bias: one table in each stack's first block; a vision model has positions in its embedding instead.
    count.attention += layers * attentions * attention + (vision ? 0 : model.relativePositionBuckets * heads);
    count.dense += (layers - switches.length) * feedForward;
    count.experts += switches.length * experts * feedForward;
    // A balancing bias is one number an expert.
    count.router += routers * experts * (dModel + (sparse?.balancing === "bias" ? 1 : 0));
    count.norm += layers * (attentions + 1) * dModel + dModel;
    // Per sequence: projections and feed-forward, 2 × weights a token; scores and their sum over values, 4 × keys × inner a token.
    forward += layers * tokens * (2 * attention + 4 * tokens * inner) + (layers - switches.length + switches.length * met) * tokens * 2 * feedForward + routers * tokens * 2 * dModel * experts;
    if (cross) forward += layers * (tokens * (dModel * inner * 4 + 4 * data.inputLength * inner) + data.inputLength * dModel * inner * 4);
    if (stack === "decoder") forward += tokens * 2 * dModel * vocabulary;
    const saved = tokens * (8 * dModel + 4 * inner + matrices * dFf) + 2 * heads * tokens * tokens + (cross ? 2 * heads * tokens * data.inputLength + 4 * tokens * inner : 0);
    activations += training.batchSize * layers * saved * (model.precision === "fp32" ? 4 : 2);
    if (stack === "decoder") activations += training.batchSize * tokens * vocabulary * 8;
    if (sparse && switches.length) {
      const perSequence = sparse.capacityGroup === "sequence", group = perSequence ? tokens : tokens * training.batchSize;
      capacity.push({
        stack, tokens: group, groups: perSequence ? training.batchSize : 1,
        training: placesOf(sparse, group, sparse.capacityFactor.training), evaluation: placesOf(sparse, group, sparse.capacityFactor.evaluation),
      });
    }
  }
  count.total = count.embedding + count.attention + count.dense + count.experts + count.router + count.norm;
  const sequenceTokens = stacks.reduce((sum, { tokens }) => sum + tokens, 0);
  const tokensPerStep = sequenceTokens * training.batchSize;
  const bytes = 4 * count.total;
  // AdamW keeps two moments; Adafactor a row and a column of each matrix, under a hundredth of it.
  const optimizer = training.optimizer.kind === "adamw" ? 2 * bytes : Math.ceil(bytes / 100);
  return {
    parameters: count,
    activeParameters: count.total - (sparse ? count.experts * (experts - met) / experts : 0),
    flopsPerToken: { forward: forward / sequenceTokens, training: 3 * forward / sequenceTokens },
    flopsPerSequence: { forward, training: 3 * forward },
    tokensPerStep, sparseLayers, capacity,
    memory: { parameters: bytes, gradients: bytes, optimizer, activations, total: 2 * bytes + optimizer + activations },
    epochs: facts.trainingTokens ? training.steps * tokensPerStep / facts.trainingTokens : null,
  };
}
