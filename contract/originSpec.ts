// Where a run's weights come from, and whom it learns from.
import { z } from "zod";
import { count, field } from "./specField.ts";

/** Weights that exist: a checkpoint of a run (the newest where no step is named) or an imported model. */
export const WeightsSource = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("run"), id: z.uuidv7(), step: count(0, 100_000_000).nullable().default(null) }),
  z.strictObject({ kind: z.literal("model"), id: z.uuidv7() }),
]);

/** Paper §4.2: a sparse teacher, a dense student of the same sizes. */
export const DistillationSpec = z.strictObject({
  teacher: field(WeightsSource, { title: "Teacher" }),
  hardShare: field(z.number().min(0).max(1).default(0.75), {
    title: "Share of the hard loss", description: "Cross-entropy with the text counts this much, cross-entropy with the teacher's probabilities the rest. The paper's table 6 uses 0.75 hard.",
  }),
  temperature: field(z.number().min(0.1).max(20).default(1), { title: "Temperature", description: "Divides the logits of teacher and student in the soft loss, which is multiplied by its square (1503.02531)." }),
  initialize: field(z.boolean().default(true), { title: "Begin with the teacher's non-expert weights", description: "Attention, embeddings, norms and dense feed-forward layers of the teacher; table 6 of the paper. Needs a student of the same sizes." }),
});

export type WeightsSource = z.output<typeof WeightsSource>;
export type DistillationSpec = z.output<typeof DistillationSpec>;
