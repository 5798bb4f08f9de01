// Which fields of a draft have a consequence: a field that would change nothing is not shown.
import { valueAt, type Draft, type Json } from "./draft.ts";

type At = (path: string) => Json | undefined;
type Condition = (at: At) => boolean;

const is = (path: string, ...values: Json[]): Condition => (at) => values.includes(at(path) as Json);
const not = (condition: Condition): Condition => (at) => !condition(at);
const all = (...conditions: Condition[]): Condition => (at) => conditions.every((condition) => condition(at));
const any = (...conditions: Condition[]): Condition => (at) => conditions.some((condition) => condition(at));
const some: (path: string) => Condition = (path) => (at) => at(path) !== null && at(path) !== undefined;

const vision = is("model.architecture", "vision"), encoderDecoder = is("model.architecture", "encoder-decoder");
const tied = is("model.tiedEmbeddings", true);
const routing = (...values: string[]) => is("model.sparse.routing", ...values);
const several = all(routing("top-k"), not(is("model.sparse.choices", 1)));
/** Experts have a limited number of places. */
const limited = any(routing("expert-choice"), not(is("model.sparse.overflow", "dropless")));
const byFactor = all(limited, not(some("model.sparse.fixedCapacity")));
const router = not(routing("hash"));
const balanceLoss = all(router, is("model.sparse.balancing", "auxiliary-loss"));
const routerLoss = any(balanceLoss, all(router, not(is("model.sparse.zLoss", 0))));

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
  "model.sparse.every": not(some("model.sparse.layers")),
  "model.sparse.choices": routing("top-k"),
  "model.sparse.laterChoices": several,
  "model.sparse.normalizeGates": several,
  "model.sparse.probabilityThreshold": several,
  "model.sparse.budget": several,
  "model.sparse.exploration": router,
  "model.sparse.jitter": all(router, is("model.sparse.exploration", "jitter")),
  "model.sparse.inputDropout": all(router, is("model.sparse.exploration", "input-dropout")),
  "model.sparse.overflow": not(routing("expert-choice")),
  "model.sparse.capacityFactor": byFactor,
  "model.sparse.fixedCapacity": limited,
  "model.sparse.capacityGroup": any(limited, all(balanceLoss, is("model.sparse.auxiliaryLossGroup", "capacity-group"))),
  "model.sparse.priority": all(limited, not(routing("expert-choice"))),
  "model.sparse.stages": is("model.sparse.overflow", "next-choice"),
  "model.sparse.routePadding": not(vision),
  "model.sparse.balancing": router,
  "model.sparse.biasRate": all(router, is("model.sparse.balancing", "bias")),
  "model.sparse.auxiliaryLoss": balanceLoss,
  "model.sparse.auxiliaryLossGroup": balanceLoss,
  "model.sparse.auxiliaryLossForm": routerLoss,
  "model.sparse.auxiliaryLossSteps": routerLoss,
  "model.sparse.zLoss": router,
  "training.pruning": some("training.pruning"),
  "training.pruning.blockSize": is("training.pruning.kind", "block"),
};

/** Is the field of any consequence in this draft? */
export function isRelevant(path: string, draft: Draft): boolean {
  const at: At = (other) => valueAt(draft, other);
  const parts = path.split(".");
  return parts.every((_, i) => CONDITIONS[parts.slice(0, i + 1).join(".")]?.(at) ?? true);
}
