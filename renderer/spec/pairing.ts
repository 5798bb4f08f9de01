// Fields that go together: a new value of one takes the others along, so that a choice leads to a spec that can be trained.
import { stacksOf } from "../../contract/modelSpec.ts";
import { OBJECTIVES, SOURCES } from "../../contract/specRules.ts";
import { withoutIdleFields } from "./relevance.ts";
import { valueAt, withValue, type Draft, type Json } from "./draft.ts";

type Architecture = keyof typeof OBJECTIVES;
type Objective = keyof typeof SOURCES;

const SAMPLE_TEXTS: Json = { kind: "sample", names: ["state-of-the-union", "moby-dick"] };
/** What an objective reads, before a person has said more. */
const FIRST_SOURCES: Record<Objective, Json> = {
  "span-corruption": SAMPLE_TEXTS, causal: SAMPLE_TEXTS, "text-to-text": { kind: "jsonl", paths: [], heldOut: null }, classification: { kind: "images", name: "mnist" },
};
const OBJECTIVE_OF_SOURCE: Record<string, Objective> = { jsonl: "text-to-text", images: "classification", idx: "classification" };

const objectivesOf = (architecture: Json | undefined): readonly Objective[] => OBJECTIVES[architecture as Architecture] ?? [];
const sourcesOf = (objective: Json | undefined): readonly string[] => SOURCES[objective as Objective] ?? [];

/** An architecture for the objective: the draft's own where it fits. */
function withArchitectureFor(draft: Draft, objective: Json): Draft {
  if (objectivesOf(valueAt(draft, "model.architecture")).includes(objective as Objective)) return draft;
  const fitting = (Object.keys(OBJECTIVES) as Architecture[]).find((architecture) => objectivesOf(architecture).includes(objective as Objective));
  return fitting ? withLayers(withValue(draft, "model.architecture", fitting), fitting) : draft;
}

/** At least one layer in each stack of the architecture, and no routing that it can't have. */
function withLayers(draft: Draft, architecture: Architecture): Draft {
  let next = draft;
  for (const { stack } of stacksOf({ architecture, encoderLayers: 0, decoderLayers: 0 })) {
    const other = stack === "encoder" ? "decoder" : "encoder";
    if (valueAt(next, `model.${stack}Layers`) === 0) next = withValue(next, `model.${stack}Layers`, valueAt(next, `model.${other}Layers`) ?? 1);
  }
  if (architecture === "vision" && valueAt(next, "model.sparse.routing") === "hash") next = withValue(next, "model.sparse.routing", "switch");
  if (architecture !== "encoder-decoder") next = withValue(next, "model.sharedEmbeddings", true);
  return next;
}

function withSourceFor(draft: Draft, objective: Json): Draft {
  const kind = valueAt(draft, "data.source.kind");
  return sourcesOf(objective).includes(String(kind)) || !(String(objective) in FIRST_SOURCES) ? draft : withValue(draft, "data.source", FIRST_SOURCES[objective as Objective]);
}

/** A routing method takes back what belongs to another one. */
function withRouting(draft: Draft, routing: Json): Draft {
  const changes: [string, Json[], Json][] = [
    ["overflow", routing === "expert-choice" ? ["next-choice", "dropless"] : routing === "switch" ? [] : ["next-choice"], "drop"],
    ["balancing", routing === "expert-choice" || routing === "hash" ? ["sinkhorn", "bias"] : [], "none"],
    ["exploration", routing === "hash" ? ["sampling", "jitter", "input-dropout"] : routing === "expert-choice" ? ["sampling"] : [], "none"],
  ];
  return changes.reduce((next, [name, unfit, instead]) => (unfit.includes(valueAt(next, `model.sparse.${name}`) as Json) ? withValue(next, `model.sparse.${name}`, instead) : next), draft);
}

/** The draft with a new value at the path, and what must change with it. */
export function paired(draft: Draft, path: string, value: Json): Draft {
  const next = withPartners(draft, path, value);
  // A field that goes out of sight must not stay set, for the spec would be refused because of it.
  return /^(model|data)\./.test(path) ? withoutIdleFields(next) : next;
}

function withPartners(draft: Draft, path: string, value: Json): Draft {
  const next = withValue(draft, path, value);
  switch (path) {
    case "data.objective": return withSourceFor(withArchitectureFor(next, value), value);
    case "model.architecture": {
      const objectives = objectivesOf(value), own = valueAt(next, "data.objective");
      const objective = objectives.includes(own as Objective) ? own! : objectives[0]!;
      return withSourceFor(withValue(withLayers(next, value as Architecture), "data.objective", objective), objective);
    }
    case "data.source": {
      const kind = String(valueAt(next, "data.source.kind")), own = valueAt(next, "data.objective");
      if (sourcesOf(own).includes(kind)) return next;
      const objective = OBJECTIVE_OF_SOURCE[kind] ?? (valueAt(next, "model.architecture") === "decoder-only" ? "causal" : "span-corruption");
      return withArchitectureFor(withValue(next, "data.objective", objective), objective);
    }
    case "model.sparse": return value === null ? next : withValue(next, "training.pruning", null);
    case "model.sparse.routing": return withRouting(next, value);
    case "model.sparse.overflow": return value === "dropless" ? withValue(next, "model.sparse.fixedCapacity", null) : next;
    // Sampling draws from the router's probabilities alone.
    case "model.sparse.exploration": return value === "sampling" && ["sinkhorn", "bias"].includes(String(valueAt(next, "model.sparse.balancing"))) ? withValue(next, "model.sparse.balancing", "auxiliary-loss") : next;
    case "model.sparse.balancing": return (value === "sinkhorn" || value === "bias") && valueAt(next, "model.sparse.exploration") === "sampling" ? withValue(next, "model.sparse.exploration", "none") : next;
    default: return next;
  }
}
