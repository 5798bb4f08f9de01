// Text from a trained model: what is asked for, and what comes back with each token's probability and experts.
import { z } from "zod";
import { Stack } from "./events.ts";
import { RunId } from "./runDirectory.ts";
import { count, field } from "./specField.ts";

/** The longest text that can be generated, tokens. */
export const MOST_GENERATED = 4096;

export const GenerationSettings = z.strictObject({
  method: field(z.enum(["greedy", "sampling", "beam"]).default("greedy"), {
    title: "Method", labels: { greedy: "Greedy", sampling: "Sampling", beam: "Beam search" },
    description: "Greedy takes the most probable token each time. Sampling draws one. Beam search keeps the most probable texts and takes the best.",
  }),
  maxTokens: field(count(1, MOST_GENERATED).default(64), { title: "Tokens at most", unit: "tokens", description: "The end token counts." }),
  temperature: field(z.number().min(0.01).max(100).default(1), { title: "Temperature", description: "Logits are divided by it before a token is drawn: below 1 prefers the probable, above 1 evens out." }),
  topK: field(z.int().min(0).max(1_000_000).default(0), { title: "Top-k", unit: "tokens", description: "Draws among the k most probable tokens alone; 0 takes all." }),
  topP: field(z.number().min(0.001).max(1).default(1), { title: "Top-p", description: "Draws among the fewest most probable tokens whose probabilities sum to this (1904.09751); 1 takes all." }),
  seed: field(z.int().min(0).max(2 ** 31 - 1).default(1), { title: "Seed", description: "With a token's position it decides the draw: the same seed writes the same text." }),
  beams: field(count(1, 64).default(4), { title: "Beams", unit: "texts", description: "Texts that beam search keeps. It ends when as many have come to their end." }),
  lengthPenalty: field(z.number().min(-10).max(10).default(1), { title: "Length penalty", description: "A beam scores Σ log p ÷ length^penalty, as in transformers: above 0 prefers longer texts." }),
});
export type GenerationSettings = z.output<typeof GenerationSettings>;

/** Whose weights: a run's checkpoint, or an imported model. */
export const GenerationSource = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("run"), runId: RunId, checkpoint: z.union([z.enum(["newest", "best"]), z.int().min(0)]).default("newest") }),
  z.strictObject({ kind: z.literal("model"), modelId: z.uuidv7() }),
]);
export type GenerationSource = z.output<typeof GenerationSource>;

export const GenerationRequest = z.strictObject({
  source: GenerationSource,
  /** What to go on from: the encoder's input, or a decoder-only model's prompt. "<extra_id_0>" is the first sentinel. */
  texts: z.array(z.string().max(100_000)).min(1).max(64),
  settings: GenerationSettings.prefault({}),
});
export type GenerationRequest = z.output<typeof GenerationRequest>;

/** A sparse layer that tokens were sent by. */
export const SparseLayer = z.object({ stack: Stack, layer: z.int(), experts: z.int() });
export const TextToken = z.object({
  id: z.int(),
  /** What it adds to the text; empty where a character is not complete yet. */
  text: z.string(),
  /** Its name where it is no text: "</s>", "<extra_id_0>", "0xE2". */
  name: z.string().nullable(),
  /** log p given all before it, nats, by the model itself; null for what was given. */
  logProbability: z.number().nullable(),
  /**
   * Experts chosen for it in each sparse layer of the stack that read it, in the order of `layers`, the first choice first. Empty for
   * the last generated token, which nothing has read.
   */
  experts: z.array(z.array(z.int())),
  /** Places in `experts` of the layers that had no room for it. */
  dropped: z.array(z.int()),
});
export const GeneratedText = z.object({
  /** The encoder's tokens, or the decoder's start token and the prompt. */
  input: z.array(TextToken),
  output: z.array(TextToken),
  /** The output as text, sentinels by name. */
  text: z.string(),
  /** The input with what was generated for each sentinel in its place; null where the input has none. */
  filledIn: z.array(z.object({ text: z.string(), generated: z.boolean() })).nullable(),
  score: z.number(),
  ended: z.boolean(),
});
export const GenerationAnswer = z.object({
  /** Whether the tokens were all generated; false while they come. */
  done: z.boolean(),
  /** Step of the checkpoint; null for an imported model. */
  step: z.int().nullable(),
  layers: z.array(SparseLayer),
  texts: z.array(GeneratedText),
  /** Wall time of reading the input, and of generating. */
  promptSeconds: z.number(), seconds: z.number(),
});
/** What follows a request: that the model is being read, then the texts as they grow. */
export const GenerationPush = z.discriminatedUnion("phase", [
  z.object({ phase: z.literal("loading"), message: z.string() }),
  z.object({ phase: z.literal("text"), answer: GenerationAnswer }),
]);
export type TextToken = z.output<typeof TextToken>;
export type GeneratedText = z.output<typeof GeneratedText>;
export type GenerationAnswer = z.output<typeof GenerationAnswer>;
export type GenerationPush = z.output<typeof GenerationPush>;
export type SparseLayer = z.output<typeof SparseLayer>;

/** What the program that generates (trainer/generate/main.ts) reads and writes, a JSON document a line. */
export const GeneratorCommand = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("generate"), id: z.int(),
    /** A run directory or the folder of an imported model. */
    directory: z.string(), source: GenerationSource,
    texts: GenerationRequest.shape.texts, settings: GenerationSettings,
  }),
  z.strictObject({ type: z.literal("cancel"), id: z.int() }),
]);
export const GeneratorReply = z.discriminatedUnion("type", [
  /** The last push of a request has `answer.done`. */
  z.object({ type: z.literal("push"), id: z.int(), push: GenerationPush }),
  z.object({ type: z.literal("failed"), id: z.int(), message: z.string(), detail: z.string().nullable() }),
]);
export type GeneratorCommand = z.output<typeof GeneratorCommand>;
export type GeneratorReply = z.output<typeof GeneratorReply>;
