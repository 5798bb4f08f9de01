// Rules between fields of a spec: what fits together, told at the field a person would change.
import type { RunSpec } from "./runSpec.ts";
import { misfitsOf } from "./meshFit.ts";
import { MOST_RANKS, ranksOf } from "./meshSpec.ts";
import { sparseIndices, stacksOf } from "./modelSpec.ts";
import { fieldsWithoutEffect } from "./sparseEffects.ts";

type Wrong = (path: string, message: string) => void;

export function checkRules(spec: RunSpec, wrong: Wrong): void {
  checkTask(spec, wrong);
  checkModel(spec, wrong);
  if (spec.model.sparse) checkRouting(spec, wrong);
  checkMesh(spec, wrong);
  if (spec.start && spec.distillation?.initialize) wrong("distillation.initialize", "The weights to begin with are already named by start; turn this off, or clear start.");
  const { training } = spec;
  if (training.warmupSteps > training.steps) wrong("training.warmupSteps", `The warm-up is longer than the run of ${training.steps} steps; make it at most that.`);
  const trained = trainedParts(spec);
  if (trained.length === 0) wrong("training.freeze", "Everything would be frozen; leave at least one part to be trained.");
  if (training.pruning) {
    if (!trained.includes("attention") && !trained.includes("dense")) wrong("training.pruning", "Attention and feed-forward layers are frozen, so there is nothing to prune; turn pruning off or freeze less.");
    if (spec.model.sparse) wrong("training.pruning", "Pruning is a baseline for dense models; turn experts off or pruning off.");
    if (training.pruning.endStep <= training.pruning.beginStep) wrong("training.pruning.endStep", `Must be after step ${training.pruning.beginStep}, where pruning begins.`);
  }
}

function checkMesh(spec: RunSpec, wrong: Wrong): void {
  const { mesh, device } = spec, ranks = ranksOf(mesh), named = device.startsWith("GPU-") ? device.split(",").length : ranks;
  if (named !== ranks) wrong("device", `${named === 1 ? "One GPU is" : `${named} GPUs are`} named for ${ranks === 1 ? "one rank" : `${ranks} ranks`}; name one for each.`);
  if (ranks === 1) return;
  for (const { path, message } of misfitsOf(spec, mesh)) wrong(path, message);
  if (ranks > MOST_RANKS) wrong("mesh.data", `A mesh of ${ranks} ranks is more than the ${MOST_RANKS} that can train together.`);
  if (device.startsWith("cuda:")) wrong("device", 'A mesh takes a GPU for each rank; choose "cuda", or name their UUIDs.');
}

/** The parts of the model that freezing does not reach: none left means that nothing would be trained. */
function trainedParts({ model, training }: RunSpec): string[] {
  const stacks = stacksOf(model).map(({ stack, layers }) => ({ layers, sparse: sparseIndices(model, stack, layers).length }));
  const sparse = stacks.some((stack) => stack.sparse > 0), dense = stacks.some((stack) => stack.sparse < stack.layers);
  const parts = ["embeddings", "attention", "norms", ...(dense ? ["dense"] : []), ...(sparse ? ["experts"] : []), ...(sparse && model.sparse!.routing !== "hash" ? ["router"] : [])];
  return parts.filter((part) => !(training.freeze as string[]).includes(part));
}

/** Objectives of each architecture, and what each can be trained on; the first is the usual one. */
export const OBJECTIVES = { "encoder-decoder": ["span-corruption", "text-to-text"], "decoder-only": ["causal", "text-to-text"], vision: ["classification"] } as const;
export const SOURCES = { "span-corruption": ["sample", "files"], causal: ["sample", "files"], "text-to-text": ["jsonl"], classification: ["images", "idx"] } as const;

/** Objective, architecture and data belong together. */
function checkTask({ model, data }: RunSpec, wrong: Wrong): void {
  if (!(OBJECTIVES[model.architecture] as readonly string[]).includes(data.objective)) {
    const needs = {
      "span-corruption": "Span corruption needs an encoder; choose causal language modelling or an encoder-decoder.",
      causal: "Causal language modelling trains a decoder-only model; choose that architecture or span corruption.",
      "text-to-text": "Text to text needs an encoder-decoder or a decoder.",
      classification: "Classification of images needs a vision model; choose that architecture.",
    } as const;
    wrong("data.objective", model.architecture === "vision" ? "A vision model classifies images; choose classification." : needs[data.objective]);
  }
  if (!(SOURCES[data.objective] as readonly string[]).includes(data.source.kind)) {
    const needs = {
      "span-corruption": "Span corruption reads plain text: the sample texts or files.", causal: "Causal language modelling reads plain text: the sample texts or files.",
      "text-to-text": "Text to text reads JSONL files with input and target on each line.", classification: "Classification reads images: MNIST or IDX files.",
    } as const;
    wrong("data.source", needs[data.objective]);
  }
}

function checkModel({ model }: RunSpec, wrong: Wrong): void {
  for (const { stack, layers } of stacksOf(model))
    if (layers < 1) wrong(`model.${stack}Layers`, `${model.architecture === "vision" ? "A vision model" : model.architecture === "decoder-only" ? "A decoder-only model" : "An encoder-decoder"} needs at least 1 ${stack} layer.`);
  if (model.relativePositionBuckets % 2 !== 0) wrong("model.relativePositionBuckets", "Use an even number of buckets.");
  // Distances up to half of a stack's buckets have one each; the rest share what is left, up to the largest distance.
  if (model.relativePositionMaxDistance <= model.relativePositionBuckets / 2)
    wrong("model.relativePositionMaxDistance", `Must be above ${model.relativePositionBuckets / 2}, half of the ${model.relativePositionBuckets} buckets.`);
  if (!model.sharedEmbeddings) {
    if (model.architecture !== "encoder-decoder") wrong("model.sharedEmbeddings", "Only an encoder-decoder has two stacks with embeddings; leave this on.");
    else if (model.tiedEmbeddings) wrong("model.sharedEmbeddings", "A tied head needs one embedding; untie the head to give each stack its own.");
  }
  const { sparse } = model;
  if (!sparse) return;
  const stacks = stacksOf(model);
  if (sparse.layers) {
    for (const { stack, layers } of stacks) {
      const beyond = sparse.layers[stack].find((layer) => layer >= layers);
      if (beyond !== undefined) wrong("model.sparse.layers", `The ${stack} has no layer ${beyond}: its ${layers} layers are counted from 0.`);
    }
  }
  if (stacks.every(({ stack, layers }) => sparseIndices(model, stack, layers).length === 0)) {
    if (sparse.layers) wrong("model.sparse.layers", "No layer would be sparse; name at least one, or turn experts off.");
    else wrong("model.sparse.every", `No layer would be sparse: the deepest stack has ${Math.max(...stacks.map(({ layers }) => layers))} layers.`);
  }
}

function checkRouting({ model }: RunSpec, wrong: Wrong): void {
  const sparse = model.sparse!, { routing, experts } = sparse;
  if (routing === "top-k" && sparse.choices > experts) wrong("model.sparse.choices", `A token can't choose ${sparse.choices} of ${experts} experts.`);
  if (sparse.overflow === "next-choice") {
    if (routing !== "switch") wrong("model.sparse.overflow", "Sending on to the next choice belongs to Switch routing; choose that, or drop what overflows.");
    else if (sparse.stages > experts) wrong("model.sparse.stages", `There are only ${experts} experts to try.`);
  }
  if (routing === "expert-choice") {
    if (sparse.overflow === "dropless") wrong("model.sparse.overflow", "Expert choice fills every expert exactly; it has no overflow.");
    if (sparse.balancing === "sinkhorn" || sparse.balancing === "bias") wrong("model.sparse.balancing", "Expert choice is balanced by itself; choose none or the auxiliary loss.");
    if (sparse.exploration === "sampling") wrong("model.sparse.exploration", "Sampling chooses for tokens; with expert choice the experts choose.");
  }
  if (routing === "hash") {
    if (model.architecture === "vision") wrong("model.sparse.routing", "Hash routing goes by token ids, which images do not have.");
    if (sparse.balancing !== "none" && sparse.balancing !== "auxiliary-loss") wrong("model.sparse.balancing", "Hash routing has no router to balance.");
    if (sparse.exploration !== "none") wrong("model.sparse.exploration", "Hash routing has no router that could explore.");
  }
  if (sparse.exploration === "sampling" && (sparse.balancing === "sinkhorn" || sparse.balancing === "bias"))
    wrong("model.sparse.exploration", "Sampling draws from the router's probabilities alone, which sinkhorn and bias balancing do not; choose one of them.");
  if (sparse.overflow === "dropless" && sparse.fixedCapacity !== null) wrong("model.sparse.fixedCapacity", "Without a capacity limit there is no fixed capacity; leave it empty.");
  if (routing === "top-k" && sparse.budget !== null && sparse.budget > sparse.choices) wrong("model.sparse.budget", `A budget above the ${sparse.choices} experts that a token may choose would never be used.`);
  for (const { field, message } of fieldsWithoutEffect(sparse, model.architecture)) wrong(`model.sparse.${field}`, message);
}
