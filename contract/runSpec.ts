// What a run is started with. Written once here; the form, the CLI, the trainer and the engine all read it.
// Definitions and figures: docs/definitions.md. Fields carry `title`, `unit` and a description drawn from the paper;
// the New Run form is made from them.
import { z } from "zod";
import { DataSpec } from "./dataSpec.ts";
import { ModelSpec } from "./modelSpec.ts";
import { DistillationSpec, WeightsSource } from "./originSpec.ts";
import { MeshSpec } from "./meshSpec.ts";
import { field } from "./specField.ts";
import { checkRules } from "./specRules.ts";
import { TrainingSpec } from "./trainingSpec.ts";

export * from "./dataSpec.ts";
export * from "./meshSpec.ts";
export * from "./modelSpec.ts";
export * from "./originSpec.ts";
export * from "./sparseSpec.ts";
export * from "./trainingSpec.ts";

export const LogFormat = z.enum(["tensorboard", "maxtext", "csv", "jsonl"]);
export const Lineage = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("duplicate"),
    /** Run this one was made from. */
    runId: z.uuidv7(),
  }),
  /** Read from another trainer's log: nothing but the name and this is known, so every other field of such a spec says nothing. */
  z.strictObject({ kind: z.literal("imported"), path: z.string().min(1).max(4096), format: LogFormat }),
]);

const specShape = z.strictObject({
  version: z.literal(1).default(1),
  name: field(z.string().trim().min(1).max(200).default("untitled"), { title: "Name" }),
  seed: field(z.int().min(0).max(2 ** 31 - 1).default(1), { title: "Seed" }),
  device: field(z.string().regex(/^(auto|cpu|cuda(:\d{1,2})?|GPU-[0-9a-f-]{36}(,GPU-[0-9a-f-]{36})*)$/, 'write "auto", "cpu", "cuda", "cuda:0" or the UUIDs of GPUs').default("auto"), {
    title: "Device", description: "auto takes GPUs where there is one for each rank, otherwise the CPU; cuda gives each rank a GPU.",
  }),
  start: field(WeightsSource.nullable().default(null), {
    title: "Start from", description: "Weights to begin with. A dense start of a sparse model gives each expert a copy of the dense feed-forward (upcycling, 2212.05055).",
  }),
  distillation: field(DistillationSpec.nullable().default(null), { title: "Distillation", description: "Learn from a trained model as well as from the text." }),
  model: field(ModelSpec.prefault({}), { title: "Model" }),
  data: field(DataSpec.prefault({}), { title: "Data" }),
  training: field(TrainingSpec.prefault({}), { title: "Training" }),
  mesh: field(MeshSpec.prefault({}), { title: "Mesh", description: "Processes that train the model together, one for each rank." }),
  lineage: Lineage.nullable().default(null),
});

/**
 * The validated spec of a run. Every field has a default, so `RunSpec.parse({})` is a runnable spec.
 * Rules across fields are reported at the field a person would change.
 */
export const RunSpec = specShape.superRefine((spec, context) =>
  checkRules(spec, (path, message) => context.addIssue({ code: "custom", path: path.split("."), message })));

export type RunSpec = z.output<typeof specShape>;
export type LogFormat = z.output<typeof LogFormat>;
export type ImportedLineage = Extract<z.output<typeof Lineage>, { kind: "imported" }>;
/** Where an imported run's log lies; null for runs of this product, whose spec describes them. */
export const importedFrom = (spec: Pick<RunSpec, "lineage"> | null | undefined): ImportedLineage | null => (spec?.lineage?.kind === "imported" ? spec.lineage : null);
/** A spec as a person writes it: anything left out takes its default. */
export type RunSpecInput = z.input<typeof specShape>;
