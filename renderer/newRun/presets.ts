// What a new run can begin from: the specs of examples/, and each other model family and way of routing at the sample's size.
import larger from "../../examples/larger.json";
import dense from "../../examples/sample-dense.json";
import sample from "../../examples/sample.json";
import vision from "../../examples/vision.json";
import type { SparseSpec } from "../../contract/runSpec.ts";

export interface Preset { id: string; title: string; about: string; spec: object }

/** The sample, routed in another way. */
const routed = (name: string, sparse: Partial<SparseSpec>) => ({ ...sample, name: `Sample: ${name}`, model: { ...sample.model, sparse: { ...sample.model.sparse, ...sparse } } });

export const SAMPLE: Preset = { id: "sample", title: "Sample", about: "8 experts, 1,500 steps: a few minutes on two cores.", spec: sample };
export const PRESETS: readonly Preset[] = [
  SAMPLE,
  { id: "dense", title: "Dense twin", about: "The sample without experts: the same FLOPs a token.", spec: dense },
  { id: "decoder", title: "Decoder only", about: "Causal language modelling with 8 experts.", spec: {
    ...sample, name: "Decoder: switch transformer, 8 experts", model: { ...sample.model, architecture: "decoder-only" }, data: { ...sample.data, objective: "causal", targetLength: 128 },
  } },
  { id: "vision", title: "Vision", about: "Digits of MNIST; experts have room for half the patches and take the surest.", spec: vision },
  { id: "top-2", title: "Top-2 experts", about: "Each token goes to its two best experts (GShard).", spec: routed("top-2 of 8 experts", { routing: "top-k", choices: 2 }) },
  { id: "expert-choice", title: "Expert choice", about: "Each expert takes its best tokens: no imbalance, no balance loss.", spec: routed("expert choice, 8 experts", { routing: "expert-choice", balancing: "none" }) },
  { id: "next-choice", title: "No token left behind", about: "What overflows goes to the next best expert.", spec: routed("no token left behind, 8 experts", { overflow: "next-choice", stages: 4 }) },
  { id: "pruned", title: "Dense, pruned", about: "80% of the weights become zero: another way to be sparse.", spec: {
    ...dense, name: "Sample: dense, 80% pruned", training: { ...dense.training, pruning: { sparsity: 0.8, beginStep: 200, endStep: 1000 } },
  } },
  { id: "larger", title: "Larger", about: "32 experts, d_model 512: for a workstation with a GPU.", spec: larger },
];
