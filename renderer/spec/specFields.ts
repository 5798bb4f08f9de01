// The groups a spec is shown in, and what the schema says of each field. Titles, units, ranges and explanations all come from
// contract/runSpec.ts; only the order is decided here.
import { z } from "zod";
import { RunSpec } from "../../contract/runSpec.ts";

export interface FieldFacts {
  path: string;
  title: string;
  unit: string;
  description: string;
  advanced: boolean;
  kind: "integer" | "number" | "text" | "boolean" | "choice";
  minimum: number | null;
  maximum: number | null;
  /** Value and words of each choice. */
  choices: readonly { value: string; label: string }[];
  start: unknown;
}

interface JsonSchema {
  type?: string; title?: string; unit?: string; description?: string; advanced?: boolean; default?: unknown;
  minimum?: number; maximum?: number; enum?: string[]; labels?: Record<string, string>;
  properties?: Record<string, JsonSchema>; anyOf?: JsonSchema[]; oneOf?: JsonSchema[];
}
const schema = z.toJSONSchema(RunSpec, { io: "input" }) as JsonSchema;

/** The schema at a dotted path. Of alternatives, the one that has the next part is followed. */
function schemaAt(path: string): JsonSchema {
  let at = schema;
  for (const part of path.split(".")) {
    const holder = [at, ...(at.anyOf ?? []), ...(at.oneOf ?? [])].find(({ properties }) => properties?.[part] !== undefined);
    if (!holder) throw new Error(`The spec's schema has no ${path}.`);
    at = holder.properties![part]!;
  }
  return at;
}

export function fieldFacts(path: string): FieldFacts {
  const found = schemaAt(path);
  const kind = found.enum ? "choice" : found.type === "integer" || found.type === "number" || found.type === "boolean" ? found.type : "text";
  return {
    path, kind, title: found.title ?? path.split(".").at(-1)!, unit: found.unit ?? "", description: found.description ?? "", advanced: found.advanced ?? false,
    minimum: found.minimum ?? null, maximum: found.maximum ?? null, start: found.default,
    choices: (found.enum ?? []).map((value) => ({ value, label: found.labels?.[value] ?? value })),
  };
}

export interface Group { id: string; title: string; paths: readonly string[] }

/** `data.source`, `data.tokenizer`, `model.sparse` and `training.optimizer` have controls of their own in their groups. */
export const GROUPS: readonly Group[] = [
  { id: "run", title: "Run", paths: ["name", "seed", "device"] },
  { id: "data", title: "Data", paths: ["data.objective", "data.inputLength", "data.targetLength", "data.corruptionRate", "data.meanSpanLength", "data.evaluationFraction"] },
  { id: "model", title: "Model", paths: [
    "model.architecture", "model.dModel", "model.dFf", "model.heads", "model.dKv", "model.encoderLayers", "model.decoderLayers", "model.dropout", "model.precision",
    "model.initializationScale", "model.tiedEmbeddings", "model.rescaledHead", "model.sharedEmbeddings", "model.relativePositionBuckets", "model.relativePositionMaxDistance",
  ] },
  { id: "experts", title: "Experts and routing", paths: [
    "model.sparse.experts", "model.sparse.every", "model.sparse.routing", "model.sparse.capacityFactor.training", "model.sparse.capacityFactor.evaluation",
    "model.sparse.auxiliaryLoss", "model.sparse.expertDropout", "model.sparse.zLoss", "model.sparse.capacityGroup",
  ] },
  { id: "training", title: "Training", paths: ["training.batchSize", "training.steps", "training.learningRate", "training.schedule", "training.warmupSteps", "training.gradientClip", "training.threads"] },
  { id: "recording", title: "Evaluation and checkpoints", paths: [
    "training.evaluateEvery", "training.checkpoint.everySteps", "training.checkpoint.everyMinutes", "training.evaluationBatches", "training.checkpoint.keepLast", "training.checkpoint.keepBest",
    "training.logEvery", "training.routingEvery",
  ] },
];

/** Fields of each optimizer, by its kind. */
export const OPTIMIZER_FIELDS: Record<string, readonly { name: string; title: string; help: string }[]> = {
  adamw: [
    { name: "beta1", title: "β1", help: "Decay of the first moment." },
    { name: "beta2", title: "β2", help: "Decay of the second moment." },
    { name: "epsilon", title: "ε", help: "Added to the root of the second moment." },
    { name: "weightDecay", title: "Weight decay", help: "Decoupled (1711.05101); spares vectors." },
  ],
  adafactor: [
    { name: "decayRate", title: "Decay rate", help: "β2(t) = 1 − t^−rate (1804.04235 §7.2)." },
    { name: "clippingThreshold", title: "Update clipping", help: "Largest root mean square of an update." },
    { name: "scaleParameter", title: "Scale by the parameter", help: "Steps are relative to a parameter's own size (§8)." },
    { name: "weightDecay", title: "Weight decay", help: "Decoupled; spares vectors." },
  ],
};

/** Has the form of this draft a control that shows what is wrong at the path? */
export function hasControl(path: string, optimizer: unknown): boolean {
  if (["data.source", "data.tokenizer"].some((own) => path === own || path.startsWith(`${own}.`))) return true;
  const own = ["training.optimizer", "training.optimizer.kind", ...(OPTIMIZER_FIELDS[String(optimizer)] ?? []).map(({ name }) => `training.optimizer.${name}`)];
  return own.includes(path) || GROUPS.some(({ paths }) => paths.includes(path));
}

/** Is the field of any consequence in this draft? */
export function isRelevant(path: string, architecture: unknown, objective: unknown): boolean {
  if (architecture === "decoder-only" && (path === "model.encoderLayers" || path === "data.inputLength")) return false;
  return objective !== "causal" || (path !== "data.corruptionRate" && path !== "data.meanSpanLength");
}
