// What a spec leads to, computed without a model: parameters, FLOPs, capacity, memory. Cheap enough for each keystroke.
import type { StackName } from "./modelSpec.ts";
import { modelCounts, sumOf, type Facts } from "./modelCounts.ts";
import { choicesOf, type RunSpec, type SparseSpec } from "./runSpec.ts";

export { MNIST, patchesOf, type Facts, type ImageFacts } from "./modelCounts.ts";
export interface ConsequenceFacts extends Facts {
  /** Weights of the teacher of a distillation; null or left out where not known. */
  teacherParameters?: number | null;
}
export interface Parameters { embedding: number; attention: number; dense: number; experts: number; router: number; norm: number; total: number }
export interface StackCapacity { stack: StackName; tokens: number; groups: number; training: number; evaluation: number }
export interface Consequences {
  parameters: Parameters;
  /** Parameters that one token meets: all but the experts it is not sent to. */
  activeParameters: number;
  /** Multiply-adds count as 2. Training is 3 × forward: the backward pass makes two products for each of the forward's. */
  flopsPerToken: { forward: number; training: number };
  flopsPerSequence: { forward: number; training: number };
  /** Encoder and decoder tokens of a step, padding included. */
  tokensPerStep: number;
  sparseLayers: { stack: StackName; layer: number }[];
  /** Places an expert has in each group. */
  capacity: StackCapacity[];
  /** Bytes, an estimate to be held against the measured peak. `teacher` is null where a distillation's teacher is not known; it is not in the total then. */
  memory: { parameters: number; gradients: number; optimizer: number; activations: number; teacher: number | null; total: number };
  /** null where the size of the text is not known. */
  epochs: number | null;
}

/**
 * Places an expert has: ceil(tokens ÷ experts × factor), Switch Transformer eq. 3, at least 1 and at most one a token. The same in
 * native/model/capacity.cpp; the small subtraction keeps 100 ÷ 8 × 1.2 = 15.000000000000002 from taking a sixteenth place.
 */
export const expertCapacity = (tokens: number, experts: number, factor: number): number =>
  Math.min(Math.max(Math.ceil(tokens / experts * factor - 1e-9), 1), tokens);

/** Places an expert has in a group of so many tokens. */
export function placesOf(sparse: SparseSpec, group: number, factor: number): number {
  if (sparse.overflow === "dropless") return group;
  if (sparse.fixedCapacity !== null) return Math.min(sparse.fixedCapacity, group);
  return expertCapacity(group, sparse.experts, factor * choicesOf(sparse));
}

export function consequences(spec: RunSpec, facts: ConsequenceFacts = {}): Consequences {
  const { model, training } = spec, { sparse } = model, experts = sparse?.experts ?? 0;
  const { stacks, embedding, ends, met } = modelCounts(spec, facts);
  const count: Parameters = { embedding, attention: 0, dense: 0, experts: 0, router: 0, norm: 0, total: 0 };
  const capacity: StackCapacity[] = [];
  let forward = ends, activations = 0;
  for (const { stack, tokens, sparseLayers, parameters, flops, kept } of stacks) {
    count.attention += parameters.attention + parameters.positions;
    for (const part of ["dense", "experts", "router", "norm"] as const) count[part] += parameters[part];
    forward += sumOf(flops);
    activations += training.batchSize * ((kept.stream + kept.heads + kept.scores + kept.hidden) * bytesOfCompute(model.precision) + kept.logits * 4);
    if (sparse && sparseLayers.length) {
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
  const bytes = 4 * count.total, optimizer = Math.ceil(count.total * optimizerBytes(training.optimizer.kind));
  // A teacher is only read: weights in fp32, no gradients, no optimizer, and no activations kept.
  const teacher = spec.distillation === null ? 0 : facts.teacherParameters ? 4 * facts.teacherParameters : null;
  return {
    parameters: count,
    activeParameters: count.total - (sparse ? count.experts * (experts - met) / experts : 0),
    flopsPerToken: { forward: forward / sequenceTokens, training: 3 * forward / sequenceTokens },
    flopsPerSequence: { forward, training: 3 * forward },
    tokensPerStep, sparseLayers: stacks.flatMap(({ stack, sparseLayers }) => sparseLayers.map((layer) => ({ stack, layer }))), capacity,
    memory: { parameters: bytes, gradients: bytes, optimizer, activations, teacher, total: 2 * bytes + optimizer + activations + (teacher ?? 0) },
    epochs: facts.trainingTokens ? training.steps * tokensPerStep / facts.trainingTokens : null,
  };
}

/** Bytes of a value in the model's matrix products. */
export const bytesOfCompute = (precision: RunSpec["model"]["precision"]): number => (precision === "fp32" ? 4 : 2);

/** Whether ranks that hold the same weights each update a share of them. */
export const sharesUpdates = (optimizer: RunSpec["training"]["optimizer"]): boolean => optimizer.kind === "adamw" && optimizer.shareUpdates;

/** Bytes of optimizer state a parameter: AdamW keeps two moments; Adafactor a row and a column of each matrix, under a hundredth of it. */
export const optimizerBytes = (kind: RunSpec["training"]["optimizer"]["kind"]): number => (kind === "adamw" ? 8 : 0.04);
