// What a new run can begin from: the specs of examples/, and a decoder alone.
import larger from "../../examples/larger.json";
import dense from "../../examples/sample-dense.json";
import sample from "../../examples/sample.json";

export interface Preset { id: string; title: string; about: string; spec: unknown }

export const SAMPLE: Preset = { id: "sample", title: "Sample", about: "8 experts, 1,500 steps: a few minutes on two cores.", spec: sample };
export const PRESETS: readonly Preset[] = [
  SAMPLE,
  { id: "dense", title: "Dense twin", about: "The sample without experts: the same FLOPs a token.", spec: dense },
  { id: "decoder", title: "Decoder only", about: "Causal language modelling with 8 experts.", spec: {
    ...sample, name: "Decoder: switch transformer, 8 experts", model: { ...sample.model, architecture: "decoder-only" }, data: { ...sample.data, objective: "causal", targetLength: 128 },
  } },
  { id: "larger", title: "Larger", about: "32 experts, d_model 512: for a workstation with a GPU.", spec: larger },
];
