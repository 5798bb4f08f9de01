// What the form begins from where it is not a preset: another run, or a model to fine-tune, distil or upcycle.
import { distillation, fineTuning, upcycling, type DerivedFrom } from "../../contract/derive.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import type { Preset } from "./presets.ts";

export const DERIVATIONS = ["fine-tune", "distil", "upcycle"] as const;
export type Derivation = (typeof DERIVATIONS)[number];

export interface Beginning {
  /** Names the draft that is kept of it. */
  key: string;
  title: string;
  presets: readonly Preset[];
}

/** A run's spec, to be changed. */
export function duplicate(runId: string, spec: RunSpec): Beginning {
  const copy = { ...spec, name: `${spec.name.slice(0, 190)} (copy)`, lineage: { kind: "duplicate", runId } };
  return { key: runId, title: "Duplicate with changes", presets: [{ id: "source", title: "The run as it was", about: "Its spec without the changes made here.", spec: copy }] };
}

/** Experts that an upcycled model gets at first. */
const UPCYCLED_EXPERTS = 8;
/** A vision model is trained further on images of one's own. */
const OWN_IMAGES = { objective: "classification", source: { kind: "idx", images: "", labels: "" } } as const;

/** What to do with a trained model. Files that only a person can name are left open. @throws where it can't be done with this model. */
export function derived(kind: Derivation, from: DerivedFrom): Beginning {
  const key = `${from.source.id} ${kind}`;
  switch (kind) {
    case "fine-tune": {
      const spec = fineTuning(from, []);
      return { key, title: "Fine-tune", presets: [{ id: kind, title: "Fine-tuning", about: "On pairs of input and target, more slowly, with more dropout in experts.", spec: from.model.architecture === "vision" ? { ...spec, data: OWN_IMAGES } : spec }] };
    }
    case "distil": return { key, title: "Distil into a dense model", presets: [{ id: kind, title: "Distillation", about: "A dense student of the same sizes that learns from this teacher.", spec: distillation(from) }] };
    case "upcycle": return { key, title: "Upcycle into a sparse model", presets: [{ id: kind, title: "Upcycling", about: "Experts begin as copies of the dense feed-forward layers.", spec: upcycling(from, UPCYCLED_EXPERTS) }] };
  }
}
