// Which fields of a draft have a consequence: a field that would change nothing is not shown.
import type { ModelSpec, SparseSpec } from "../../contract/runSpec.ts";
import { fieldsWithoutEffect, SPARSE_DEFAULTS, SPARSE_EFFECTS } from "../../contract/sparseEffects.ts";
import { valueAt, withValue, type Draft, type Json } from "./draft.ts";

type At = (path: string) => Json | undefined;
type Condition = (at: At) => boolean;

const is = (path: string, ...values: Json[]): Condition => (at) => values.includes(at(path) as Json);
const not = (condition: Condition): Condition => (at) => !condition(at);
const all = (...conditions: Condition[]): Condition => (at) => conditions.every((condition) => condition(at));
const some: (path: string) => Condition = (path) => (at) => at(path) !== null && at(path) !== undefined;

const vision = is("model.architecture", "vision"), encoderDecoder = is("model.architecture", "encoder-decoder");
const tied = is("model.tiedEmbeddings", true);

/** Conditions by path; a condition holds for all fields below its path too. */
const CONDITIONS: Record<string, Condition> = {
  distillation: some("distillation"),
  "data.inputLength": encoderDecoder,
  "data.targetLength": not(vision),
  "data.tokenizer": not(vision),
  "data.corruptionRate": is("data.objective", "span-corruption"),
  "data.meanSpanLength": is("data.objective", "span-corruption"),
  "data.evaluationFraction": not(some("data.source.heldOut")),
  "model.encoderLayers": not(is("model.architecture", "decoder-only")),
  "model.decoderLayers": not(vision),
  "model.patchSize": vision,
  "model.tiedEmbeddings": not(vision),
  "model.rescaledHead": all(not(vision), tied),
  "model.sharedEmbeddings": all(encoderDecoder, not(tied)),
  "model.relativePositionBuckets": not(vision),
  "model.relativePositionMaxDistance": not(vision),
  "model.sparse": some("model.sparse"),
  "training.pruning": some("training.pruning"),
  "training.pruning.blockSize": is("training.pruning.kind", "block"),
};

/** Is the field of any consequence in this draft? Those of sparse layers as the contract says. */
export function isRelevant(path: string, draft: Draft): boolean {
  const at: At = (other) => valueAt(draft, other);
  const parts = path.split(".");
  return parts.every((_, i) => CONDITIONS[parts.slice(0, i + 1).join(".")]?.(at) ?? true) && (parts[1] !== "sparse" || hasEffect(parts[2], draft));
}

function hasEffect(field: string | undefined, draft: Draft): boolean {
  const routing = routingOf(draft);
  return routing === null || field === undefined || (SPARSE_EFFECTS[field as keyof SparseSpec]?.has(...routing) ?? true);
}

/** What effects depend on; null without experts. Half-written values are compared like any other. */
function routingOf(draft: Draft): [SparseSpec, ModelSpec["architecture"]] | null {
  const sparse = valueAt(draft, "model.sparse");
  return sparse ? [sparse as unknown as SparseSpec, valueAt(draft, "model.architecture") as ModelSpec["architecture"]] : null;
}

/** The draft with the default in each field of sparse layers that a choice left without effect, as if it had never been set. */
export function withoutIdleFields(draft: Draft): Draft {
  const routing = routingOf(draft);
  return routing === null ? draft : fieldsWithoutEffect(...routing).reduce((next, { field }) => withValue(next, `model.sparse.${field}`, SPARSE_DEFAULTS[field] as Json), draft);
}
