// The model: T5 with sparse layers, its decoder alone, or a vision encoder, all from the same blocks.
import { z } from "zod";
import { SparseSpec } from "./sparseSpec.ts";
import { count, field } from "./specField.ts";

export const Precision = z.enum(["fp32", "bf16", "selective"]);

export const ModelSpec = z.strictObject({
  architecture: field(z.enum(["encoder-decoder", "decoder-only", "vision"]).default("encoder-decoder"), {
    title: "Architecture", labels: { "encoder-decoder": "Encoder-decoder (T5)", "decoder-only": "Decoder only", vision: "Vision (patches, classification)" },
    description: "Span corruption and text-to-text need an encoder-decoder; causal language modelling a decoder; classification of images a vision model.",
  }),
  dModel: field(count(2, 16384).default(256), { title: "Model width", unit: "d_model" }),
  dFf: field(count(1, 65536).default(1024), { title: "Feed-forward width", unit: "d_ff" }),
  heads: field(count(1, 256).default(4), { title: "Attention heads", unit: "heads" }),
  dKv: field(count(1, 512).default(64), { title: "Head width", unit: "d_kv" }),
  encoderLayers: field(count(0, 128).default(4), { title: "Encoder layers", unit: "layers", description: "Not used by a decoder-only model." }),
  decoderLayers: field(count(0, 128).default(4), { title: "Decoder layers", unit: "layers", description: "Not used by a vision model." }),
  feedForward: field(z.enum(["relu", "gelu", "gated-gelu", "gated-silu"]).default("relu"), {
    title: "Feed-forward", labels: { relu: "ReLU", gelu: "GELU", "gated-gelu": "Gated GELU (T5 1.1)", "gated-silu": "Gated SiLU" },
    description: "Of dense layers and of experts alike. Gated ones have a second input matrix (2002.05202); GELU is the tanh approximation.",
  }),
  patchSize: field(count(1, 64).default(7), { title: "Patch size", unit: "pixels", description: "Side of the square patches that a vision model cuts an image into." }),
  dropout: field(z.number().min(0).max(0.9).default(0.1), { title: "Dropout" }),
  relativePositionBuckets: field(count(4, 256).default(32), { title: "Relative position buckets", advanced: true }),
  relativePositionMaxDistance: field(count(3, 4096).default(128), { title: "Relative position distance", unit: "tokens", advanced: true }),
  normEpsilon: field(z.number().min(1e-12).max(1e-2).default(1e-6), { title: "Norm ε", advanced: true, description: "Added to the mean square in RMSNorm." }),
  tiedEmbeddings: field(z.boolean().default(true), { title: "Tie input and output embeddings", advanced: true }),
  rescaledHead: field(z.boolean().default(true), {
    title: "Rescale the tied head", advanced: true, description: "The decoder's output is multiplied by d_model^-0.5 before a tied head, as T5 1.0 does and T5 1.1 does not. A head of its own is never rescaled.",
  }),
  sharedEmbeddings: field(z.boolean().default(true), {
    title: "Share embeddings between stacks", advanced: true, description: "Encoder and decoder read one table. Off, each has its own, as transformers gives SwitchTransformers whose head is not tied.",
  }),
  initializationScale: field(z.number().min(0.001).max(10).default(0.1), {
    title: "Initialisation scale",
    description: "s in a truncated normal of σ = √(s ÷ fan-in). The paper's table 3: 0.1 trains stably where 1.0 does not.",
  }),
  precision: field(Precision.default("selective"), {
    title: "Precision", labels: { fp32: "fp32", selective: "bf16, router in fp32 (selective)", bf16: "bf16 everywhere" },
    description: "Selective precision keeps the router in fp32 inside a bf16 model; bf16 everywhere diverges in the paper's table 2.",
  }),
  sparse: field(SparseSpec.nullable().prefault({}), { title: "Experts", description: "Off gives the dense model of the same sizes." }),
});
export type ModelSpec = z.output<typeof ModelSpec>;

/** What a batch is made of. */
export const exampleOf = ({ architecture }: Pick<ModelSpec, "architecture">): "image" | "sequence" => (architecture === "vision" ? "image" : "sequence");

export type StackName = "encoder" | "decoder";
/** The stacks that a model has, with their depth. A vision model is an encoder. */
export function stacksOf({ architecture, encoderLayers, decoderLayers }: Pick<ModelSpec, "architecture" | "encoderLayers" | "decoderLayers">): { stack: StackName; layers: number }[] {
  return [
    ...(architecture === "decoder-only" ? [] : [{ stack: "encoder" as const, layers: encoderLayers }]),
    ...(architecture === "vision" ? [] : [{ stack: "decoder" as const, layers: decoderLayers }]),
  ];
}

/** Sparse blocks of a stack: those listed, otherwise i mod every = every − 1. */
export function sparseIndices(model: ModelSpec, stack: StackName, layers: number): number[] {
  const { sparse } = model;
  if (!sparse) return [];
  return Array.from({ length: layers }, (_, i) => i).filter((i) => (sparse.layers ? sparse.layers[stack].includes(i) : i % sparse.every === sparse.every - 1));
}

export const sparseLayerCount = (model: ModelSpec): number => stacksOf(model).reduce((count, { stack, layers }) => count + sparseIndices(model, stack, layers).length, 0);
