// What a student keeps of its teacher's advantage.

/** Evaluation losses in nats a token, on the same held-out text. */
export interface DistillationLosses { teacher: number; student: number; dense: number }

/**
 * Share of the teacher's gain over a dense model trained alone that the student kept: (distilled − dense) ÷ (teacher − dense) in −log perplexity
 * (Switch Transformer, tables 6 to 8), which is the negative cross-entropy. null where the teacher has no gain to keep. Below 0 the student is worse
 * than the dense model, above 1 better than its teacher.
 */
export function gainKept({ teacher, student, dense }: DistillationLosses): number | null {
  const gain = dense - teacher;
  return Number.isFinite(gain) && gain > 0 && Number.isFinite(student) ? (dense - student) / gain : null;
}
