// config.json of transformers against ModelSpec, both ways. Read from transformers 5.23: configuration_switch_transformers.py, modeling_switch_transformers.py
// and their T5 counterparts.
import { z } from "zod";
import { ModelSpec } from "../../contract/runSpec.ts";
import { sparseIndices } from "../../contract/modelSpec.ts";
import { PersonError } from "../personError.ts";

export type Family = "switch-transformers" | "t5";

const whole = z.int().min(1);
const token = z.int().min(0);
const share = z.number().min(0);
/** As many as a ModelSpec takes: the list of sparse ones is made before that is checked. */
const layers = z.int().min(1).max(128);
/** What both families have. Defaults are those of transformers' own configuration classes. */
const common = {
  vocab_size: whole.default(32128), d_kv: whole.default(64), num_decoder_layers: layers.nullish(),
  relative_attention_num_buckets: whole.default(32), relative_attention_max_distance: whole.default(128),
  dropout_rate: share.default(0.1), layer_norm_epsilon: z.number().positive().default(1e-6), tie_word_embeddings: z.boolean().nullish(),
  pad_token_id: token.nullable().default(0), eos_token_id: z.union([token, z.array(token).min(1)]).nullable().default(1), decoder_start_token_id: token.nullish(),
  is_encoder_decoder: z.literal(true, { error: "must be true: only encoder-decoders are read" }).default(true),
};
const SwitchConfig = z.object({
  ...common, model_type: z.literal("switch_transformers"),
  d_model: whole.default(768), d_ff: whole.default(2048), num_layers: layers.default(12), num_heads: whole.default(12), num_experts: whole.default(8),
  expert_capacity: z.int({ error: "must be a whole number" }).min(1).default(64),
  num_sparse_encoder_layers: z.int().min(0).default(3), num_sparse_decoder_layers: z.int().min(0).default(3),
  router_bias: z.literal(false, { error: "must be false: routers here have no bias" }).default(false),
  router_dtype: z.literal("float32", { error: 'must be "float32": other types of the router change its choices' }).default("float32"),
  router_ignore_padding_tokens: z.literal(false, { error: "must be false: transformers routes padding whatever this says" }).default(false),
  router_jitter_noise: share.default(0.01), router_z_loss_coef: share.default(0.001), router_aux_loss_coef: share.default(0.001),
  dense_act_fn: z.enum(["relu", "gelu_new"], { error: 'must be "relu" or "gelu_new"' }).default("relu"),
});
const T5Config = z.object({
  ...common, model_type: z.literal("t5"),
  d_model: whole.default(512), d_ff: whole.default(2048), num_layers: layers.default(6), num_heads: whole.default(8),
  feed_forward_proj: z.enum(["relu", "gelu_new", "gated-gelu", "gated-gelu_new", "gated-silu"], { error: 'must be "relu", "gelu_new", "gated-gelu", "gated-gelu_new" or "gated-silu"' }).default("relu"),
  /** Written by transformers 5; before, `tie_word_embeddings` said it. */
  scale_decoder_outputs: z.boolean().nullish(),
});
const ACTIVATIONS = { relu: "relu", gelu_new: "gelu", "gated-gelu": "gated-gelu", "gated-gelu_new": "gated-gelu", "gated-silu": "gated-silu" } as const;

export interface HuggingFaceFacts { family: Family; model: ModelSpec; vocabularySize: number; padToken: number; startToken: number; endToken: number }

/**
 * Reads a config.json. `has` says whether the folder holds a weight of this name: some heads and embeddings are told by that alone.
 * @throws PersonError, one sentence that names the field which can't be represented.
 */
export function fromHuggingFace(config: unknown, has: (weight: string) => boolean): HuggingFaceFacts {
  const type = z.object({ model_type: z.string() }).safeParse(config);
  if (!type.success) throw new PersonError('config.json has no field "model_type"; choose a folder that transformers saved.');
  const { model_type } = type.data;
  if (model_type !== "switch_transformers" && model_type !== "t5")
    throw new PersonError(`config.json says model_type "${model_type.slice(0, 60)}"; only "switch_transformers" and "t5" can be read.`);
  const facts = model_type === "t5" ? fromT5(checked(T5Config, config), has) : fromSwitch(checked(SwitchConfig, config), has);
  for (const [name, id] of [["pad_token_id", facts.padToken], ["decoder_start_token_id", facts.startToken], ["eos_token_id", facts.endToken]] as const)
    if (id >= facts.vocabularySize) throw unfit(name, `is ${id}, outside the vocabulary of ${facts.vocabularySize}`);
  return facts;
}

const unfit = (field: string, what: string) => new PersonError(`The field "${field}" of config.json ${what}.`);

function checked<T extends z.ZodType>(schema: T, config: unknown): z.output<T> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw unfit(issue.path.join("."), issue.message.startsWith("must") ? issue.message : `does not fit: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`);
}

function tokensOf({ vocab_size, pad_token_id, eos_token_id, decoder_start_token_id }: z.output<typeof T5Config> | z.output<typeof SwitchConfig>) {
  if (pad_token_id === null) throw unfit("pad_token_id", "is null; a model needs a token for padding");
  const end = Array.isArray(eos_token_id) ? eos_token_id[0]! : eos_token_id;
  return { vocabularySize: vocab_size, padToken: pad_token_id, startToken: decoder_start_token_id ?? pad_token_id, endToken: end ?? pad_token_id };
}

/** Names that transformers gives the fields of a ModelSpec, to say which of them does not fit. */
const FIELD_NAMES: Record<string, string> = {
  dModel: "d_model", dFf: "d_ff", heads: "num_heads", dKv: "d_kv", encoderLayers: "num_layers", decoderLayers: "num_decoder_layers", dropout: "dropout_rate",
  relativePositionBuckets: "relative_attention_num_buckets", relativePositionMaxDistance: "relative_attention_max_distance", normEpsilon: "layer_norm_epsilon",
  "sparse.experts": "num_experts", "sparse.fixedCapacity": "expert_capacity", "sparse.jitter": "router_jitter_noise", "sparse.expertDropout": "dropout_rate",
  "sparse.auxiliaryLoss": "router_aux_loss_coef", "sparse.zLoss": "router_z_loss_coef", "sparse.layers.encoder": "num_layers", "sparse.layers.decoder": "num_decoder_layers",
};
function spec(model: z.input<typeof ModelSpec>): ModelSpec {
  const parsed = ModelSpec.safeParse(model);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const names = path.filter((part) => typeof part === "string").join(".");
  throw unfit(FIELD_NAMES[names] ?? names, `is outside what the engine computes: ${message.charAt(0).toLowerCase()}${message.slice(1)}`);
}

function shapes(config: z.output<typeof T5Config> | z.output<typeof SwitchConfig>): z.input<typeof ModelSpec> {
  return {
    architecture: "encoder-decoder", dModel: config.d_model, dFf: config.d_ff, heads: config.num_heads, dKv: config.d_kv,
    encoderLayers: config.num_layers, decoderLayers: config.num_decoder_layers ?? config.num_layers, dropout: config.dropout_rate,
    relativePositionBuckets: config.relative_attention_num_buckets, relativePositionMaxDistance: config.relative_attention_max_distance,
    normEpsilon: config.layer_norm_epsilon, precision: "fp32",
  };
}

function fromT5(config: z.output<typeof T5Config>, has: (weight: string) => boolean): HuggingFaceFacts {
  // T5 1.1 does not rescale; its head is its own where the folder holds one, otherwise transformers 5 ties it all the same.
  const rescaledHead = config.scale_decoder_outputs ?? config.tie_word_embeddings !== false;
  const tiedEmbeddings = rescaledHead || !has("lm_head.weight");
  return {
    family: "t5", ...tokensOf(config),
    model: spec({ ...shapes(config), feedForward: ACTIVATIONS[config.feed_forward_proj], tiedEmbeddings, rescaledHead: tiedEmbeddings ? rescaledHead : true, sparse: null }),
  };
}

/** Sparse blocks as SwitchTransformersStack makes them: i mod step = 1, or all where the step is 1. */
export function sparseBlocks(layers: number, sparse: number): number[] {
  const step = sparse > 0 ? Math.floor(layers / sparse) : layers;
  return Array.from({ length: layers }, (_, i) => i).filter((i) => step > 0 && (step === 1 || i % step === 1));
}

function fromSwitch(config: z.output<typeof SwitchConfig>, has: (weight: string) => boolean): HuggingFaceFacts {
  const common = shapes(config), tiedEmbeddings = config.tie_word_embeddings !== false;
  const encoder = sparseBlocks(config.num_layers, config.num_sparse_encoder_layers);
  const decoder = sparseBlocks(config.num_decoder_layers ?? config.num_layers, config.num_sparse_decoder_layers);
  const jitter = config.router_jitter_noise;
  return {
    family: "switch-transformers", ...tokensOf(config),
    model: spec({
      ...common, feedForward: ACTIVATIONS[config.dense_act_fn], tiedEmbeddings,
      sharedEmbeddings: tiedEmbeddings || !(has("encoder.embed_tokens.weight") && has("decoder.embed_tokens.weight")),
      sparse: encoder.length + decoder.length === 0 ? null : {
        experts: config.num_experts, layers: { encoder, decoder }, fixedCapacity: config.expert_capacity, capacityGroup: "sequence", routePadding: true,
        ...(jitter > 0 ? { exploration: "jitter", jitter } : {}), expertDropout: config.dropout_rate,
        auxiliaryLoss: config.router_aux_loss_coef, zLoss: config.router_z_loss_coef, auxiliaryLossForm: "hugging-face", auxiliaryLossGroup: "sequence",
      },
    }),
  };
}

/** num_sparse_…_layers that gives a stack exactly these sparse blocks; null where none does. One more than there are layers gives none. */
function sparseCount(layers: number, wanted: readonly number[]): number | null {
  const same = (found: readonly number[]) => found.length === wanted.length && found.every((layer, i) => layer === wanted[i]);
  for (let count = layers + 1; count >= 0; count--) if (same(sparseBlocks(layers, count))) return count;
  return null;
}

/** Places that stand for "no limit": more than a sequence has tokens. */
const UNLIMITED = 1_000_000;

export interface ExportFacts extends Omit<HuggingFaceFacts, "family"> {
  /** Encoder and decoder tokens a sequence that the model was trained on, for a capacity that was a factor. */
  lengths: { encoder: number; decoder: number };
}

/**
 * config.json of a model, for `from_pretrained`, and sentences on what transformers computes otherwise.
 * @throws PersonError, one sentence that names the field of the spec which transformers does not have.
 */
export function toHuggingFace(facts: ExportFacts): { family: Family; config: Record<string, unknown>; notes: string[] } {
  const { model, vocabularySize, padToken, startToken, endToken } = facts, { sparse } = model;
  const lacks = (field: string, what: string) => new PersonError(`The model can't be exported: transformers has ${what} (${field}).`);
  if (model.architecture !== "encoder-decoder") throw lacks("model.architecture", "these models as encoder-decoders alone");
  if (model.relativePositionBuckets % 2 !== 0) throw lacks("model.relativePositionBuckets", "an even number of buckets");
  const family: Family = sparse ? "switch-transformers" : "t5";
  const config: Record<string, unknown> = {
    architectures: [sparse ? "SwitchTransformersForConditionalGeneration" : "T5ForConditionalGeneration"], model_type: sparse ? "switch_transformers" : "t5",
    vocab_size: vocabularySize, d_model: model.dModel, d_ff: model.dFf, d_kv: model.dKv, num_heads: model.heads,
    num_layers: model.encoderLayers, num_decoder_layers: model.decoderLayers, dropout_rate: model.dropout, layer_norm_epsilon: model.normEpsilon,
    relative_attention_num_buckets: model.relativePositionBuckets, relative_attention_max_distance: model.relativePositionMaxDistance,
    pad_token_id: padToken, eos_token_id: endToken, decoder_start_token_id: startToken, is_encoder_decoder: true, use_cache: true, dtype: "float32",
  };
  if (!sparse) {
    if (!model.sharedEmbeddings) throw lacks("model.sharedEmbeddings", "one embedding for both stacks of T5");
    const projections = { relu: "relu", gelu: "gelu_new", "gated-gelu": "gated-gelu", "gated-silu": "gated-silu" } as const;
    const rescaled = model.tiedEmbeddings && model.rescaledHead;
    return { family, notes: [], config: { ...config, feed_forward_proj: projections[model.feedForward], tie_word_embeddings: rescaled, scale_decoder_outputs: rescaled } };
  }
  if (sparse.routing !== "switch") throw lacks("model.sparse.routing", "top-1 routing of tokens alone");
  if (sparse.balancing === "bias") throw lacks("model.sparse.balancing", "no bias of experts");
  if (model.feedForward !== "relu" && model.feedForward !== "gelu") throw lacks("model.feedForward", "no gated experts");
  if (model.tiedEmbeddings && !model.rescaledHead) throw lacks("model.rescaledHead", "a rescaled tied head in SwitchTransformers");
  const counts = (["encoder", "decoder"] as const).map((stack) => {
    const layers = stack === "encoder" ? model.encoderLayers : model.decoderLayers, wanted = sparseIndices(model, stack, layers);
    const count = sparseCount(layers, wanted);
    if (count === null) throw lacks(sparse.layers ? "model.sparse.layers" : "model.sparse.every", `no ${stack} of ${layers} layers with exactly ${wanted.join(", ")} sparse`);
    return count;
  });
  const { places, notes } = capacityOf(model, facts.lengths);
  return {
    family, notes,
    config: {
      ...config, num_experts: sparse.experts, expert_capacity: places, num_sparse_encoder_layers: counts[0], num_sparse_decoder_layers: counts[1],
      dense_act_fn: model.feedForward === "gelu" ? "gelu_new" : "relu", tie_word_embeddings: model.tiedEmbeddings, router_bias: false, router_dtype: "float32",
      router_ignore_padding_tokens: false, router_jitter_noise: sparse.exploration === "jitter" ? sparse.jitter : 0,
      router_aux_loss_coef: sparse.auxiliaryLoss, router_z_loss_coef: sparse.zLoss, add_router_probs: false,
    },
  };
}

/** Fields that transformers takes as numbers with a point alone. */
const FLOATS = ["layer_norm_epsilon", "router_aux_loss_coef", "router_z_loss_coef"];

/** The text of a config.json. */
export const configText = (config: Record<string, unknown>): string =>
  `${JSON.stringify(config, null, 2)}\n`.replaceAll(new RegExp(`"(${FLOATS.join("|")})": (\\d+)(?=,?\n)`, "g"), '"$1": $2.0');

/** transformers has one number of places a sequence, for both stacks and for training and evaluation alike. */
function capacityOf({ sparse }: ModelSpec, lengths: ExportFacts["lengths"]): { places: number; notes: string[] } {
  if (!sparse || sparse.overflow === "dropless") return { places: UNLIMITED, notes: [] };
  const notes: string[] = [];
  if (sparse.overflow === "next-choice") notes.push("transformers drops tokens that overflow; this model was trained to send them to the next choice.");
  if (sparse.priority === "probability") notes.push("transformers serves earlier tokens first; this model was trained to serve the most probable ones first.");
  if (sparse.fixedCapacity !== null) {
    if (sparse.capacityGroup !== "sequence") notes.push(`transformers counts the ${sparse.fixedCapacity} places of an expert for each sequence; this model was trained to count them for each ${sparse.capacityGroup}.`);
    return { places: sparse.fixedCapacity, notes };
  }
  const longest = Math.max(lengths.encoder, lengths.decoder), factor = sparse.capacityFactor.evaluation;
  const places = Math.max(1, Math.ceil(longest / sparse.experts * factor - 1e-9));
  notes.push(`transformers has a fixed number of places instead of a capacity factor: an expert gets ${places} a sequence, factor ${factor} at ${longest} tokens.`);
  return { places, notes };
}
