// How tokens reach experts: which layers are sparse, how a token's experts are chosen, how many each expert takes, and what keeps
// the load even. Definitions: docs/definitions.md.
import { z } from "zod";
import { count, field } from "./specField.ts";

/** Blocks of a stack, from 0. */
const layerList = z.array(count(0, 127)).max(128);

/** Switch Transformer (2101.03961) §2, and the methods it is compared with. */
export const SparseSpec = z.strictObject({
  experts: field(count(1, 1024).default(8), {
    title: "Experts", unit: "experts",
    description: "Feed-forward copies in each sparse layer. More experts add parameters, not FLOPs a token.",
  }),
  every: field(count(1, 64).default(2), {
    title: "Sparse layer every", unit: "layers",
    description: "Every n-th feed-forward becomes a sparse layer: layer i is sparse when i mod n = n − 1. The paper uses 2.",
  }),
  layers: field(z.strictObject({ encoder: layerList, decoder: layerList }).nullable().default(null), {
    title: "Sparse layers by number", advanced: true,
    description: "Blocks of each stack that are sparse, counted from 0, instead of every n-th.",
  }),
  routing: field(z.enum(["switch", "top-k", "expert-choice", "hash"]).default("switch"), {
    title: "Routing",
    labels: { switch: "Switch (top-1)", "top-k": "Top-k mixture of experts", "expert-choice": "Expert choice", hash: "Hash of the token (baseline)" },
    description: "Switch: each token goes to the one expert with the highest router probability (paper §2.1). Top-k: to its k best (GShard 2006.16668). "
      + "Expert choice: each expert takes its best tokens (2202.09368); in a decoder it sees later tokens. Hash: by the token's id alone (2106.04426).",
  }),
  choices: field(count(1, 8).default(2), { title: "Experts a token (k)", unit: "experts", description: "Experts that a token chooses in top-k routing; the places of experts grow with it." }),
  laterChoices: field(z.enum(["all", "random", "none"]).default("all"), {
    title: "Second choices", advanced: true, labels: { all: "always sent", random: "sent at random, by weight", none: "never sent" },
    description: "Which choices after the first are sent. At random: with probability min(1, 2·gate) while training, as GShard does; all of them in evaluation.",
  }),
  normalizeGates: field(z.boolean().default(true), { title: "Gates of a token sum to 1", advanced: true, description: "Top-k divides the probabilities of a token's choices by their sum (GShard). With one choice it is never done: the router would get no gradient." }),
  probabilityThreshold: field(z.number().min(0.05).max(1).nullable().default(null), {
    title: "Experts by probability", advanced: true, off: "always k experts",
    description: "Variable compute: a token takes experts in order until their probabilities sum to this, at most k of them.",
  }),
  budget: field(z.number().min(1).max(8).nullable().default(null), {
    title: "Budget", unit: "experts a token", advanced: true, off: "k places a token",
    description: "Mean number of experts a token that places are made for, in place of k. The choices with the highest probability are served first.",
  }),
  exploration: field(z.enum(["none", "sampling", "jitter", "input-dropout"]).default("none"), {
    title: "Exploration", advanced: true, labels: { none: "None (argmax)", sampling: "Sampling", jitter: "Input jitter", "input-dropout": "Input dropout" },
    description: "What the router tries in training besides its best choice. The paper's table 11: jitter −1.468, argmax −1.471, input dropout −1.480, sampling −1.570.",
  }),
  jitter: field(z.number().min(0).max(0.9).default(0.01), { title: "Jitter", description: "The router's input is multiplied by uniform noise in 1 ± this." }),
  inputDropout: field(z.number().min(0).max(0.9).default(0.1), { title: "Router input dropout", description: "Share of the router's input that is set to 0 in training." }),
  capacityFactor: field(z.strictObject({
    training: field(z.number().min(0.1).max(16).default(1.25), {
      title: "Capacity factor, training",
      description: "An expert holds ceil(k × tokens ÷ experts × factor) tokens a group; more are dropped (eq. 3). The paper finds 1.0 to 1.25 best.",
    }),
    evaluation: field(z.number().min(0.1).max(16).default(2), {
      title: "Capacity factor, evaluation",
      description: "Evaluation usually allows more, so that fewer tokens are dropped.",
    }),
  }).prefault({}), { title: "Capacity" }),
  fixedCapacity: field(count(1, 1_000_000).nullable().default(null), {
    title: "Fixed capacity", unit: "tokens", advanced: true, off: "by the factor", description: "Places of an expert in each group, instead of a factor; Hugging Face's expert_capacity, counted per sequence.",
  }),
  capacityGroup: field(z.enum(["batch", "sequence", "rank"]).default("batch"), {
    title: "Capacity counted per", advanced: true, labels: { batch: "batch", sequence: "sequence", rank: "rank's share of the batch" },
    description: "Tokens compete for an expert's places within this group. Per batch gives the same run on any mesh; per rank sends less between ranks, and drops depend on the mesh.",
  }),
  overflow: field(z.enum(["drop", "next-choice", "dropless"]).default("drop"), {
    title: "Overflow", labels: { drop: "Dropped", "next-choice": "To the next choice (No-Token-Left-Behind)", dropless: "None: no capacity limit" },
    description: "What becomes of a token whose expert is full. Next choice: appendix B of the paper, in stages. No limit: every expert could take all tokens, for comparison.",
  }),
  stages: field(count(2, 1024).default(2), { title: "Stages", unit: "choices", description: "Choices that No-Token-Left-Behind tries for a token, the first included." }),
  priority: field(z.enum(["sequence", "probability"]).default("sequence"), {
    title: "Served first", advanced: true, labels: { sequence: "earlier tokens", probability: "most probable tokens (batch priority)" },
    description: "Who takes an expert's places when they do not suffice: the order of the sequence, or the router's probability (V-MoE 2106.05974).",
  }),
  balancing: field(z.enum(["auxiliary-loss", "sinkhorn", "bias", "none"]).default("auxiliary-loss"), {
    title: "Balancing", labels: { "auxiliary-loss": "Auxiliary loss", sinkhorn: "Sinkhorn, no loss", bias: "Bias, no loss", none: "None" },
    description: "What keeps loads even: the paper's loss (eq. 4), a balanced assignment (S-BASE 2202.01169), or a bias of each expert that follows its load (2408.15664).",
  }),
  biasRate: field(z.number().min(0).max(1).default(0.001), { title: "Bias rate", description: "How far an expert's bias moves after each step, up when its load is under the mean and down when over." }),
  auxiliaryLoss: field(z.number().min(0).max(10).default(0.01), {
    title: "Auxiliary loss coefficient",
    description: "α in α·E·Σ f·P (eq. 4), added once for each sparse layer. The paper uses 0.01.",
  }),
  auxiliaryLossGroup: field(z.enum(["capacity-group", "sequence", "batch", "ranks"]).default("capacity-group"), {
    title: "Balance counted per", advanced: true, labels: { "capacity-group": "capacity group", sequence: "sequence", batch: "rank's share of the batch", ranks: "whole batch" },
    description: "Tokens over which f and P of the auxiliary loss are taken; the loss is the mean over groups.",
  }),
  auxiliaryLossForm: field(z.enum(["paper", "hugging-face"]).default("paper"), {
    title: "Form of the losses", advanced: true, labels: { paper: "per layer (paper)", "hugging-face": "averaged over layers (Hugging Face)" },
    description: "The paper sums a loss for each layer; transformers takes f and P over the tokens of all layers of a stack together, once.",
  }),
  auxiliaryLossSteps: field(count(1, 100_000_000).nullable().default(null), { title: "Losses of the router only in the first", unit: "steps", advanced: true, off: "all steps", description: "Afterwards neither auxiliary loss nor z-loss counts." }),
  zLoss: field(z.number().min(0).max(10).default(0), {
    title: "Router z-loss coefficient", advanced: true,
    description: "Mean of logsumexp(logits)², from ST-MoE (2202.08906), which uses 0.001. 0 turns it off.",
  }),
  routePadding: field(z.boolean().default(false), { title: "Route padding too", advanced: true, description: "Hugging Face lets padding take places of experts; here it does not unless this is on." }),
  expertDropout: field(z.number().min(0).max(0.9).default(0.1), {
    title: "Expert dropout",
    description: "Dropout inside experts. For fine-tuning the paper's table 4 prefers 0.4 here with 0.1 elsewhere.",
  }),
});
export type SparseSpec = z.output<typeof SparseSpec>;

/** Choices that places are made for: k of eq. 3, the budget where there is one. */
export const choicesOf = (sparse: SparseSpec): number => (sparse.routing === "top-k" ? sparse.budget ?? (sparse.laterChoices === "none" ? 1 : sparse.choices) : 1);
