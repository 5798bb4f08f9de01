// The groups a spec is shown in, and what the schema says of each field. Titles, units, ranges and explanations all come from
// contract/; only the order is decided here.
import { z } from "zod";
import { RunSpec } from "../../contract/runSpec.ts";

export interface FieldFacts {
  path: string;
  title: string;
  unit: string;
  description: string;
  advanced: boolean;
  kind: "integer" | "number" | "text" | "boolean" | "choice" | "checks";
  minimum: number | null;
  maximum: number | null;
  /** Value and words of each choice; of a list, of each thing it can hold. */
  choices: readonly { value: string; label: string }[];
  /** What an empty number means; null where it can't be empty. */
  off: string | null;
  start: unknown;
}

interface JsonSchema {
  type?: string; title?: string; unit?: string; description?: string; advanced?: boolean; off?: string; default?: unknown;
  minimum?: number; maximum?: number; enum?: string[]; labels?: Record<string, string>;
  properties?: Record<string, JsonSchema>; anyOf?: JsonSchema[]; oneOf?: JsonSchema[]; items?: JsonSchema;
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

const kindOf = ({ type, enum: values }: JsonSchema): FieldFacts["kind"] =>
  values ? "choice" : type === "array" ? "checks" : type === "integer" || type === "number" || type === "boolean" ? type : "text";

export function fieldFacts(path: string): FieldFacts {
  const found = schemaAt(path);
  // A number that can be empty is one of two alternatives, the other being null.
  const inner = found.anyOf?.find(({ type }) => type !== "null") ?? found;
  const values = inner.enum ?? inner.items?.enum ?? [];
  return {
    path, kind: kindOf(inner), title: found.title ?? path.split(".").at(-1)!, unit: found.unit ?? "", description: found.description ?? "", advanced: found.advanced ?? false,
    minimum: inner.minimum ?? null, maximum: inner.maximum ?? null, start: found.default,
    choices: values.map((value) => ({ value, label: found.labels?.[value] ?? value })),
    off: found.anyOf?.some(({ type }) => type === "null") ? found.off ?? "none" : null,
  };
}

/** What the form calls the field of a path; the path where it has no field of its own. */
export const titleOf = (path: string): string => (GROUPS.some(({ paths }) => paths.includes(path)) ? fieldFacts(path).title : path);

export interface Group { id: string; title: string; paths: readonly string[] }

/** The fields that a control of one kind can show, in their order. What `OWN_CONTROLS` names stands in the same groups. */
export const GROUPS: readonly Group[] = [
  { id: "run", title: "Run", paths: ["name", "seed", "device"] },
  { id: "origin", title: "Start and teacher", paths: ["distillation.hardShare", "distillation.temperature", "distillation.initialize"] },
  { id: "data", title: "Data", paths: ["data.objective", "data.inputLength", "data.targetLength", "data.corruptionRate", "data.meanSpanLength", "data.evaluationFraction"] },
  { id: "model", title: "Model", paths: [
    "model.architecture", "model.dModel", "model.dFf", "model.heads", "model.dKv", "model.encoderLayers", "model.decoderLayers", "model.patchSize", "model.feedForward", "model.dropout",
    "model.precision", "model.initializationScale", "model.tiedEmbeddings", "model.rescaledHead", "model.sharedEmbeddings", "model.relativePositionBuckets", "model.relativePositionMaxDistance",
    "model.normEpsilon",
  ] },
  { id: "experts", title: "Experts and routing", paths: [
    "model.sparse.routing", "model.sparse.experts", "model.sparse.choices", "model.sparse.every", "model.sparse.expertDropout", "model.sparse.exploration", "model.sparse.jitter",
    "model.sparse.inputDropout", "model.sparse.laterChoices", "model.sparse.normalizeGates", "model.sparse.probabilityThreshold", "model.sparse.budget",
  ] },
  { id: "capacity", title: "Capacity", paths: [
    "model.sparse.overflow", "model.sparse.capacityFactor.training", "model.sparse.capacityFactor.evaluation", "model.sparse.stages", "model.sparse.priority", "model.sparse.capacityGroup",
    "model.sparse.fixedCapacity", "model.sparse.routePadding",
  ] },
  { id: "balancing", title: "Balancing", paths: [
    "model.sparse.balancing", "model.sparse.auxiliaryLoss", "model.sparse.biasRate", "model.sparse.zLoss", "model.sparse.auxiliaryLossGroup", "model.sparse.auxiliaryLossForm",
    "model.sparse.auxiliaryLossSteps",
  ] },
  { id: "training", title: "Training", paths: [
    "training.batchSize", "training.steps", "training.learningRate", "training.schedule", "training.warmupSteps", "training.gradientClip", "training.threads", "training.captureSteps", "training.freeze", "training.l1", "training.l2",
    "training.pruning.kind", "training.pruning.sparsity", "training.pruning.blockSize", "training.pruning.beginStep", "training.pruning.endStep", "training.pruning.everySteps",
  ] },
  { id: "mesh", title: "Mesh of ranks", paths: ["mesh.data", "mesh.expert", "mesh.model"] },
  { id: "recording", title: "Evaluation and checkpoints", paths: [
    "training.evaluateEvery", "training.checkpoint.everySteps", "training.checkpoint.everyMinutes", "training.evaluationBatches", "training.checkpoint.keepLast", "training.checkpoint.keepBest",
    "training.logEvery", "training.routingEvery",
  ] },
];

/** Parts of a spec with a control of their own, which shows what is wrong anywhere in them. */
export const OWN_CONTROLS = ["start", "distillation.teacher", "data.source", "data.tokenizer", "model.sparse.layers"] as const;

/** Fields of each optimizer, by its kind. */
export const OPTIMIZER_FIELDS: Record<string, readonly { name: string; title: string; help: string }[]> = {
  adamw: [
    { name: "beta1", title: "β1", help: "Decay of the first moment." },
    { name: "beta2", title: "β2", help: "Decay of the second moment." },
    { name: "epsilon", title: "ε", help: "Added to the root of the second moment." },
    { name: "weightDecay", title: "Weight decay", help: "Decoupled (1711.05101); spares vectors." },
    { name: "shareUpdates", title: "Share updates among ranks", help: "On a mesh, ranks that hold the same weights each update, and keep the moments of, a share of them (ZeRO stage 1, 1910.02054). The numbers are the same." },
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
  if (OWN_CONTROLS.some((own) => path === own || path.startsWith(`${own}.`)) || path === "training.pruning" || path.startsWith("training.freeze.")) return true;
  const own = ["training.optimizer", "training.optimizer.kind", ...(OPTIMIZER_FIELDS[String(optimizer)] ?? []).map(({ name }) => `training.optimizer.${name}`)];
  return own.includes(path) || GROUPS.some(({ paths }) => paths.includes(path));
}
