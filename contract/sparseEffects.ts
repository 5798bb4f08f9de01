// Which fields of a sparse layer have an effect beside the others: the form shows these alone, and a spec that sets another is refused,
// since whoever wrote it expects something of it. `capacityFactor` and `auxiliaryLoss` are exempt: they are on unless another choice takes
// their place, and a comparison that makes this choice need not clear them.
import type { ModelSpec } from "./modelSpec.ts";
import { SparseSpec } from "./sparseSpec.ts";

type Architecture = ModelSpec["architecture"];
interface Effect {
  has: (sparse: SparseSpec, architecture: Architecture) => boolean;
  /** What it counts with, as in "Counts only with …". */
  needs: string;
}

const severalChoices: Effect = { has: ({ routing, choices }) => routing === "top-k" && choices !== 1, needs: "top-k routing and 2 or more experts a token" };
/** Experts have a limited number of places. */
const limited = ({ routing, overflow }: SparseSpec): boolean => routing === "expert-choice" || overflow !== "dropless";
const router = ({ routing }: SparseSpec): boolean => routing !== "hash";
const balanceLoss = (sparse: SparseSpec): boolean => router(sparse) && sparse.balancing === "auxiliary-loss";
const anyLoss: Effect = { has: (sparse) => balanceLoss(sparse) || (router(sparse) && sparse.zLoss !== 0), needs: "an auxiliary loss or a z-loss" };

export const SPARSE_EFFECTS: Partial<Record<keyof SparseSpec, Effect>> = {
  every: { has: ({ layers }) => layers === null, needs: "every n-th layer sparse, not with layers listed by number" },
  choices: { has: ({ routing }) => routing === "top-k", needs: "top-k routing" },
  laterChoices: severalChoices, normalizeGates: severalChoices, probabilityThreshold: severalChoices, budget: severalChoices,
  exploration: { has: router, needs: "a router" },
  jitter: { has: (sparse) => router(sparse) && sparse.exploration === "jitter", needs: "input jitter as exploration" },
  inputDropout: { has: (sparse) => router(sparse) && sparse.exploration === "input-dropout", needs: "input dropout as exploration" },
  capacityFactor: { has: (sparse) => limited(sparse) && sparse.fixedCapacity === null, needs: "a capacity by factor" },
  fixedCapacity: { has: limited, needs: "a capacity limit" },
  capacityGroup: { has: (sparse) => limited(sparse) || (balanceLoss(sparse) && sparse.auxiliaryLossGroup === "capacity-group"), needs: "a capacity limit, or an auxiliary loss that is counted per capacity group" },
  overflow: { has: ({ routing }) => routing !== "expert-choice", needs: "tokens that choose their experts" },
  stages: { has: ({ overflow }) => overflow === "next-choice", needs: "overflow to the next choice" },
  priority: { has: (sparse) => limited(sparse) && sparse.routing !== "expert-choice", needs: "a capacity limit and tokens that choose their experts" },
  balancing: { has: router, needs: "a router" },
  biasRate: { has: (sparse) => router(sparse) && sparse.balancing === "bias", needs: "balancing by a bias" },
  auxiliaryLoss: { has: balanceLoss, needs: "balancing by the auxiliary loss" },
  auxiliaryLossGroup: { has: balanceLoss, needs: "balancing by the auxiliary loss" },
  auxiliaryLossForm: anyLoss, auxiliaryLossSteps: anyLoss,
  zLoss: { has: router, needs: "a router" },
  routePadding: { has: (_, architecture) => architecture !== "vision", needs: "text; images have no padding" },
};

/** The first two as said above; the others have a sentence of their own in specRules.ts. */
const EXEMPT: readonly (keyof SparseSpec)[] = ["capacityFactor", "auxiliaryLoss", "exploration", "overflow", "balancing", "fixedCapacity"];
/** What a spec holds that says nothing of a field. */
export const SPARSE_DEFAULTS = SparseSpec.parse({});

/** Fields with another value than the default that change nothing here, each with a sentence. */
export function fieldsWithoutEffect(sparse: SparseSpec, architecture: Architecture): { field: keyof SparseSpec; message: string }[] {
  return (Object.entries(SPARSE_EFFECTS) as [keyof SparseSpec, Effect][])
    .filter(([field, { has }]) => !EXEMPT.includes(field) && sparse[field] !== SPARSE_DEFAULTS[field] && !has(sparse, architecture))
    .map(([field, { needs }]) => {
      const standard = SPARSE_DEFAULTS[field];
      return { field, message: `Counts only with ${needs}; choose that, or ${standard === null ? "leave this empty" : `leave this at ${JSON.stringify(standard)}`}.` };
    });
}
