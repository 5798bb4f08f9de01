// What a model is trained on, and how it is made into examples.
import { z } from "zod";
import { count, field } from "./specField.ts";

const path = z.string().min(1).max(4096);
const paths = z.array(path).min(1).max(1000);

export const DataSource = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sample"),
    names: field(z.array(z.enum(["state-of-the-union", "moby-dick"])).min(1), { title: "Sample texts" }),
  }),
  z.strictObject({ kind: z.literal("files"), paths }),
  /** Lines of {"input": text, "target": text}; with `heldOut` evaluation is on that alone. */
  z.strictObject({ kind: z.literal("jsonl"), paths, heldOut: paths.nullable().default(null) }),
  z.strictObject({ kind: z.literal("images"), name: z.enum(["mnist"]) }),
  /** MNIST's file format, as Fashion-MNIST and EMNIST have it too; gzip is unpacked. */
  z.strictObject({ kind: z.literal("idx"), images: path, labels: path }),
]);

export const Tokenizer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("bytes") }),
  z.strictObject({ kind: z.literal("huggingface"), path }),
]);

export const DataSpec = z.strictObject({
  source: field(DataSource.prefault({ kind: "sample", names: ["state-of-the-union", "moby-dick"] }), {
    title: "Data", description: "The sample texts, UTF-8 files and folders of your own, pairs of input and target in JSONL, or images.",
  }),
  tokenizer: field(Tokenizer.prefault({ kind: "bytes" }), { title: "Tokenizer", description: "Bytes need no file. A Hugging Face tokenizer.json can be given." }),
  objective: field(z.enum(["span-corruption", "causal", "text-to-text", "classification"]).default("span-corruption"), {
    title: "Objective",
    labels: { "span-corruption": "Span corruption (T5)", causal: "Causal language modelling", "text-to-text": "Text to text (fine-tuning)", classification: "Classification of images" },
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
export type DataSpec = z.output<typeof DataSpec>;
export type DataSource = z.output<typeof DataSource>;
export type Tokenizer = z.output<typeof Tokenizer>;

/** Byte tokenizer, ByT5's layout (2105.13626): 0 pad, 1 end, 2 unknown, 3..258 bytes, 259..383 sentinels, the first sentinel last. */
export const BYTE_VOCABULARY = { size: 384, pad: 0, end: 1, unknown: 2, firstByte: 3, sentinels: 125 } as const;
