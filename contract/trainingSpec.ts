// How a model is trained: optimizer, schedule, what is left as it is, what is pressed to zero, and what is recorded and kept.
import { z } from "zod";
import { count, field } from "./specField.ts";

export const OptimizerSpec = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("adamw"),
    beta1: z.number().min(0).max(0.9999).default(0.9),
    beta2: z.number().min(0).max(0.99999).default(0.999),
    epsilon: z.number().min(1e-16).max(1e-2).default(1e-8),
    weightDecay: z.number().min(0).max(10).default(0),
    /** Ranks that hold the same weights each update, and keep the moments of, a share of them: ZeRO stage 1, 1910.02054 §5.1. The numbers are the same. */
    shareUpdates: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal("adafactor"),
    /** Second-moment decay exponent: β2(t) = 1 − t^−decayRate. Adafactor 1804.04235 §7.2. */
    decayRate: z.number().min(0.1).max(1).default(0.8),
    clippingThreshold: z.number().min(0.1).max(100).default(1),
    scaleParameter: z.boolean().default(true),
    weightDecay: z.number().min(0).max(10).default(0),
  }),
]);

/** Parts of a model that can be left as they are. */
export const ModelPart = z.enum(["embeddings", "attention", "dense", "experts", "router", "norms"]);

/** Weights pressed to zero while a dense model trains: the baseline that sparse models are compared with. */
export const PruningSpec = z.strictObject({
  kind: field(z.enum(["magnitude", "block"]).default("magnitude"), {
    title: "Pruned", labels: { magnitude: "single weights (magnitude)", block: "square blocks" },
    description: "The smallest weights of each matrix become zero and stay so; blocks go by their mean square.",
  }),
  sparsity: field(z.number().min(0.01).max(0.99).default(0.8), { title: "Sparsity at the end", description: "Share of each matrix that is zero." }),
  blockSize: field(count(2, 256).default(16), { title: "Block size", unit: "weights" }),
  beginStep: field(count(0, 100_000_000).default(100), { title: "Pruning begins at", unit: "steps" }),
  endStep: field(count(1, 100_000_000).default(1000), { title: "Pruning ends at", unit: "steps", description: "Sparsity rises as 1 − (1 − t)³ until then (1710.01878)." }),
  everySteps: field(count(1, 10_000).default(50), { title: "Prune every", unit: "steps" }),
});

export const TrainingSpec = z.strictObject({
  batchSize: field(count(1, 65536).default(16), { title: "Batch size", unit: "sequences" }),
  steps: field(count(1, 100_000_000).default(2000), { title: "Steps", unit: "steps" }),
  learningRate: field(z.number().min(1e-8).max(10).default(0.001), { title: "Learning rate", description: "The peak, reached at the end of the warm-up." }),
  schedule: field(z.enum(["inverse-square-root", "linear", "cosine", "constant"]).default("inverse-square-root"), {
    title: "Schedule",
    labels: { "inverse-square-root": "Inverse square root", linear: "Linear to 0", cosine: "Cosine to 0", constant: "Constant" },
  }),
  warmupSteps: field(count(0, 10_000_000).default(100), { title: "Warm-up", unit: "steps" }),
  optimizer: field(OptimizerSpec.prefault({ kind: "adamw" }), { title: "Optimizer" }),
  gradientClip: field(z.number().min(0).max(1000).default(1), { title: "Gradient clipping", description: "Largest global norm; 0 turns it off." }),
  freeze: field(z.array(ModelPart).max(6).default([]), {
    title: "Frozen parts", advanced: true,
    labels: { embeddings: "embeddings", attention: "attention", dense: "dense feed-forward", experts: "experts", router: "router", norms: "norms" },
    description: "Parts that training leaves as they were at the start.",
  }),
  l1: field(z.number().min(0).max(1).default(0), { title: "L1 penalty", advanced: true, description: "Times the sum of absolute values of all matrices, added to the total loss." }),
  l2: field(z.number().min(0).max(1).default(0), { title: "L2 penalty", advanced: true, description: "Times half the sum of squares of all matrices, added to the total loss." }),
  pruning: field(PruningSpec.nullable().default(null), { title: "Pruning", description: "Off for most runs: a baseline for dense models." }),
  logEvery: field(count(1, 10_000).default(1), { title: "Log every", unit: "steps", advanced: true }),
  routingEvery: field(count(1, 10_000).default(5), { title: "Record routing every", unit: "steps", advanced: true }),
  evaluateEvery: field(count(1, 1_000_000).default(100), { title: "Evaluate every", unit: "steps" }),
  evaluationBatches: field(count(1, 10_000).default(8), { title: "Evaluation size", unit: "batches", advanced: true }),
  checkpoint: field(z.strictObject({
    everySteps: field(count(1, 10_000_000).default(500), { title: "Checkpoint every", unit: "steps" }),
    everyMinutes: field(z.number().min(0.1).max(100_000).default(15), { title: "or every", unit: "minutes" }),
    keepLast: field(count(1, 1000).default(2), { title: "Keep the last", unit: "checkpoints", advanced: true }),
    keepBest: field(z.boolean().default(true), { title: "Keep the best by evaluation loss", advanced: true }),
  }).prefault({}), { title: "Checkpoints" }),
  threads: field(count(0, 1024).default(0), { title: "CPU threads", unit: "threads", advanced: true, description: "0 uses every core." }),
  captureSteps: field(z.boolean().default(true), {
    title: "Capture steps as graphs", advanced: true,
    description: "On one GPU: after three steps of a shape its thousands of launches are replayed by one call (CUDA graphs), with the same numbers. Not with pruning or a mesh, and of no use on a CPU.",
  }),
});
export type TrainingSpec = z.output<typeof TrainingSpec>;
export type OptimizerSpec = z.output<typeof OptimizerSpec>;
export type PruningSpec = z.output<typeof PruningSpec>;
export type ModelPart = z.output<typeof ModelPart>;
