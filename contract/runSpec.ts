// What a run is started with. Written once here; the form, the CLI, the trainer and the engine all read it.
// Definitions and figures: docs/definitions.md. Fields carry `title`, `unit` and a description drawn from the paper;
// the New Run form is made from them.
import { z } from "zod";

/** What the form and the documentation show of a field beside its schema. */
export interface FieldMeta {
  title: string;
  description?: string;
  /** Unit printed after the number, for example "tokens". */
  unit?: string;
  /** Shown only when the group is opened in full. */
  advanced?: boolean;
  /** Words for each value of an enumeration. */
  labels?: Record<string, string>;
  [key: string]: unknown;
}
const field = <T extends z.ZodType>(schema: T, meta: FieldMeta): T => schema.meta(meta) as T;
const count = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

export const Precision = z.enum(["fp32", "bf16", "selective"]);

/** How tokens reach experts. Switch Transformer (2101.03961) §2. */
export const SparseSpec = z.strictObject({
  experts: field(count(2, 1024).default(8), {
    title: "Experts", unit: "experts",
    description: "Feed-forward copies in each sparse layer. More experts add parameters, not FLOPs a token.",
  }),
  every: field(count(1, 64).default(2), {
    title: "Sparse layer every", unit: "layers",
    description: "Every n-th feed-forward becomes a switch layer: layer i is sparse when i mod n = n − 1. The paper uses 2.",
  }),
  routing: field(z.enum(["switch"]).default("switch"), {
    title: "Routing", labels: { switch: "Switch (top-1)" },
    description: "Switch: each token goes to the one expert with the highest router probability (paper §2.1).",
  }),
  capacityFactor: field(z.strictObject({
    training: field(z.number().min(0.1).max(16).default(1.25), {
      title: "Capacity factor, training",
      description: "An expert holds ceil(tokens ÷ experts × factor) tokens a group; more are dropped (eq. 3). The paper finds 1.0 to 1.25 best.",
    }),
    evaluation: field(z.number().min(0.1).max(16).default(2), {
      title: "Capacity factor, evaluation",
      description: "Evaluation usually allows more, so that fewer tokens are dropped.",
    }),
  }).prefault({}), { title: "Capacity" }),
  capacityGroup: field(z.enum(["batch", "sequence"]).default("batch"), {
    title: "Capacity counted per", advanced: true, labels: { batch: "batch", sequence: "sequence" },
    description: "Tokens compete for an expert's places within this group.",
  }),
  auxiliaryLoss: field(z.number().min(0).max(10).default(0.01), {
    title: "Auxiliary loss coefficient",
    description: "α in α·E·Σ f·P (eq. 4), added once for each sparse layer. The paper uses 0.01.",
  }),
  zLoss: field(z.number().min(0).max(10).default(0), {
    title: "Router z-loss coefficient", advanced: true,
    description: "Mean of logsumexp(logits)², from ST-MoE (2202.08906), which uses 0.001. 0 turns it off.",
  }),
  expertDropout: field(z.number().min(0).max(0.9).default(0.1), {
    title: "Expert dropout",
    description: "Dropout inside experts. For fine-tuning the paper's table 4 prefers 0.4 here with 0.1 elsewhere.",
  }),
});

export const ModelSpec = z.strictObject({
  architecture: field(z.enum(["encoder-decoder", "decoder-only"]).default("encoder-decoder"), {
    title: "Architecture", labels: { "encoder-decoder": "Encoder-decoder (T5)", "decoder-only": "Decoder only" },
    description: "Span corruption needs an encoder-decoder; causal language modelling a decoder.",
  }),
  dModel: field(count(8, 16384).default(256), { title: "Model width", unit: "d_model" }),
  dFf: field(count(8, 65536).default(1024), { title: "Feed-forward width", unit: "d_ff" }),
  heads: field(count(1, 256).default(4), { title: "Attention heads", unit: "heads" }),
  dKv: field(count(4, 512).default(64), { title: "Head width", unit: "d_kv" }),
  encoderLayers: field(count(0, 128).default(4), { title: "Encoder layers", unit: "layers", description: "Not used by a decoder-only model." }),
  decoderLayers: field(count(1, 128).default(4), { title: "Decoder layers", unit: "layers" }),
  dropout: field(z.number().min(0).max(0.9).default(0.1), { title: "Dropout" }),
  relativePositionBuckets: field(count(4, 256).default(32), { title: "Relative position buckets", advanced: true }),
  relativePositionMaxDistance: field(count(8, 4096).default(128), { title: "Relative position distance", unit: "tokens", advanced: true }),
  tiedEmbeddings: field(z.boolean().default(true), { title: "Tie input and output embeddings", advanced: true }),
  initializationScale: field(z.number().min(0.001).max(10).default(0.1), {
    title: "Initialisation scale",
    description: "s in a truncated normal of σ = √(s ÷ fan-in). The paper's table 3: 0.1 trains stably where 1.0 does not.",
  }),
  precision: field(Precision.default("selective"), {
    title: "Precision", labels: { fp32: "fp32", selective: "bf16, router in fp32 (selective)", bf16: "bf16 everywhere" },
    description: "Selective precision keeps the router in fp32 inside a bf16 model; bf16 everywhere diverges in the paper's table 2.",
  }),
  sparse: field(SparseSpec.nullable().prefault({}), { title: "Experts", description: "Off gives the dense T5 of the same sizes." }),
});

export const DataSource = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sample"),
    names: z.array(z.enum(["state-of-the-union", "moby-dick"])).min(1),
  }),
  z.strictObject({
    kind: z.literal("files"),
    paths: z.array(z.string().min(1).max(4096)).min(1).max(1000),
  }),
]);

export const Tokenizer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("bytes") }),
  z.strictObject({ kind: z.literal("huggingface"), path: z.string().min(1).max(4096) }),
]);

export const DataSpec = z.strictObject({
  source: field(DataSource.prefault({ kind: "sample", names: ["state-of-the-union", "moby-dick"] }), {
    title: "Text", description: "The sample texts, or UTF-8 files and folders of your own. Invalid bytes are counted and reported.",
  }),
  tokenizer: field(Tokenizer.prefault({ kind: "bytes" }), { title: "Tokenizer", description: "Bytes need no file. A Hugging Face tokenizer.json can be given." }),
  objective: field(z.enum(["span-corruption", "causal"]).default("span-corruption"), {
    title: "Objective", labels: { "span-corruption": "Span corruption (T5)", causal: "Causal language modelling" },
  }),
  corruptionRate: field(z.number().min(0.01).max(0.9).default(0.15), { title: "Corrupted tokens", description: "Share of tokens hidden; T5 and the paper use 0.15." }),
  meanSpanLength: field(z.number().min(1).max(64).default(3), { title: "Mean span length", unit: "tokens" }),
  inputLength: field(count(8, 8192).default(128), { title: "Input length", unit: "tokens", description: "Encoder tokens a sequence. Not used by a decoder-only model." }),
  targetLength: field(count(4, 8192).default(48), { title: "Target length", unit: "tokens", description: "Decoder tokens a sequence." }),
  evaluationFraction: field(z.number().min(0.001).max(0.5).default(0.05), {
    title: "Held out for evaluation", advanced: true,
    description: "Share of documents, chosen by a hash of the document, never trained on.",
  }),
});

export const OptimizerSpec = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("adamw"),
    beta1: z.number().min(0).max(0.9999).default(0.9),
    beta2: z.number().min(0).max(0.99999).default(0.999),
    epsilon: z.number().min(1e-16).max(1e-2).default(1e-8),
    weightDecay: z.number().min(0).max(10).default(0),
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
});

export const MeshSpec = z.strictObject({
  data: count(1, 1).default(1),
  expert: count(1, 1).default(1),
  model: count(1, 1).default(1),
});

export const Lineage = z.strictObject({
  kind: z.enum(["duplicate"]),
  /** Run this one was made from. */
  runId: z.uuidv7(),
});

const specShape = z.strictObject({
  version: z.literal(1).default(1),
  name: field(z.string().trim().min(1).max(200).default("untitled"), { title: "Name" }),
  seed: field(z.int().min(0).max(2 ** 31 - 1).default(1), { title: "Seed" }),
  device: field(z.string().regex(/^(auto|cpu|cuda:\d{1,2})$/, 'write "auto", "cpu" or "cuda:0"').default("auto"), {
    title: "Device", description: "auto takes the first GPU, otherwise the CPU.",
  }),
  model: field(ModelSpec.prefault({}), { title: "Model" }),
  data: field(DataSpec.prefault({}), { title: "Data" }),
  training: field(TrainingSpec.prefault({}), { title: "Training" }),
  mesh: field(MeshSpec.prefault({}), { title: "Mesh" }),
  lineage: Lineage.nullable().default(null),
});

/**
 * The validated spec of a run. Every field has a default, so `RunSpec.parse({})` is a runnable spec.
 * Rules across fields are reported at the field a person would change.
 */
export const RunSpec = specShape.superRefine((spec, context) => {
  const wrong = (path: string, message: string) => context.addIssue({ code: "custom", path: path.split("."), message });
  const { model, data, training } = spec;
  const encoderDecoder = model.architecture === "encoder-decoder";
  if (encoderDecoder && model.encoderLayers < 1) wrong("model.encoderLayers", "An encoder-decoder needs at least 1 encoder layer.");
  if (data.objective === "span-corruption" && !encoderDecoder)
    wrong("data.objective", "Span corruption needs an encoder; choose causal language modelling or an encoder-decoder.");
  if (data.objective === "causal" && encoderDecoder)
    wrong("data.objective", "Causal language modelling trains a decoder-only model; choose that architecture or span corruption.");
  if (model.sparse) {
    const deepest = Math.max(encoderDecoder ? model.encoderLayers : 0, model.decoderLayers);
    if (model.sparse.every > deepest)
      wrong("model.sparse.every", `No layer would be sparse: the deepest stack has ${deepest} layers.`);
  }
  if (model.relativePositionBuckets % 2 !== 0) wrong("model.relativePositionBuckets", "Use an even number of buckets.");
  // Distances up to half of a stack's buckets have one each; the rest share what is left, up to the largest distance.
  if (model.relativePositionMaxDistance <= model.relativePositionBuckets / 2)
    wrong("model.relativePositionMaxDistance", `Must be above ${model.relativePositionBuckets / 2}, half of the ${model.relativePositionBuckets} buckets.`);
  if (training.warmupSteps > training.steps) wrong("training.warmupSteps", `The warm-up is longer than the run of ${training.steps} steps.`);
});

export type RunSpec = z.output<typeof specShape>;
/** A spec as a person writes it: anything left out takes its default. */
export type RunSpecInput = z.input<typeof specShape>;
export type ModelSpec = z.output<typeof ModelSpec>;
export type SparseSpec = z.output<typeof SparseSpec>;
export type DataSpec = z.output<typeof DataSpec>;
export type TrainingSpec = z.output<typeof TrainingSpec>;
export type DataSource = z.output<typeof DataSource>;
export type Tokenizer = z.output<typeof Tokenizer>;
export type OptimizerSpec = z.output<typeof OptimizerSpec>;

/** Byte tokenizer, ByT5's layout (2105.13626): 0 pad, 1 end, 2 unknown, 3..258 bytes, 259..383 sentinels, the first sentinel last. */
export const BYTE_VOCABULARY = { size: 384, pad: 0, end: 1, unknown: 2, firstByte: 3, sentinels: 125 } as const;
