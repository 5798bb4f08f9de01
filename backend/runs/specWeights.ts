// The weights that a spec names: whether they are there and fit it, and which checkpoint is meant.
import type { SpecIssue } from "../../contract/handlers.ts";
import type { RunSpec, Tokenizer, WeightsSource } from "../../contract/runSpec.ts";
import { weightsIssues, type TrainedModel } from "../../contract/startingWeights.ts";
import { tokenizerIdentity } from "../../trainer/data/tokenizer.ts";
import { RunFailure } from "../../trainer/failure.ts";
import { findWeights, type Shelves } from "../../trainer/run/weightsSource.ts";

/** What is wrong with the weights that a spec begins with or learns from. */
export function checkWeights(spec: RunSpec, shelves: Shelves): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const find = (path: string, source: WeightsSource | undefined | null): TrainedModel | null => {
    if (!source) return null;
    try {
      const { name, model, tokenizer } = findWeights(shelves, source);
      return { name, model, tokenizer: identity(tokenizer) };
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error;
      issues.push({ path, message: error.message });
      return null;
    }
  };
  const start = find("start", spec.start), teacher = find("distillation.teacher", spec.distillation?.teacher);
  const own = spec.model.architecture === "vision" ? null : identity(spec.data.tokenizer);
  return [...issues, ...weightsIssues(spec, own, start, teacher)];
}

/** The spec with the newest checkpoint's step where it names none, so that it says for good which weights were meant. */
export function withSteps(spec: RunSpec, shelves: Shelves): RunSpec {
  const named = (source: WeightsSource): WeightsSource =>
    (source.kind === "run" && source.step === null ? { ...source, step: findWeights(shelves, source).candidates[0]!.step } : source);
  return { ...spec, start: spec.start && named(spec.start), distillation: spec.distillation && { ...spec.distillation, teacher: named(spec.distillation.teacher) } };
}

/** null where the tokenizer can't be read, which is said where it is named. */
function identity(tokenizer: Tokenizer | null): string | null {
  try { return tokenizer && tokenizerIdentity(tokenizer); } catch { return null; }
}
