import type { RunSpec } from "../../contract/runSpec.ts";

/** The run that a student's gain is measured from: dense and without a teacher; the baseline where it is one. Null where there is none. */
export function denseIndex(specs: readonly (Pick<RunSpec, "model" | "distillation"> | undefined)[], baseline: number): number | null {
  const fits = specs.map((spec) => spec !== undefined && spec.model.sparse === null && spec.distillation === null);
  const found = fits[baseline] ? baseline : fits.indexOf(true);
  return found < 0 ? null : found;
}
