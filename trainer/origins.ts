// Whose weights a run begins with and whom it learns from, opened and held against its spec.
import { join } from "node:path";
import { MODEL_FILES } from "../contract/modelFile.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import { weightsIssues, type TrainedModel } from "../contract/startingWeights.ts";
import { tokenizerIdentity, type TextTokenizer } from "./data/tokenizer.ts";
import { RunFailure } from "./failure.ts";
import type { StoredCheckpoint } from "./run/checkpoints.ts";
import { openWeights, shelvesOf, vocabularyOf, type Weights } from "./run/weightsSource.ts";

export interface Origins {
  /** Weights to begin with; null once the run has a checkpoint of its own. */
  start: Weights | null;
  teacher: Weights | null;
  /** Checkpoints that were passed over. */
  damaged: string[];
}

/** Where a checkpoint's position names the teacher's step, so that a resumed run learns from the same one. */
export const TEACHER_STEP = "teacherStep";

/** @param checkpoints the run's own, newest first. @throws RunFailure where something is missing, damaged or does not fit. */
export async function openOrigins(run: string, spec: RunSpec, tokenizer: TextTokenizer, checkpoints: readonly StoredCheckpoint[], progress: (done: number, total: number) => void): Promise<Origins> {
  const { distillation } = spec, shelves = shelvesOf(run), first = checkpoints.length === 0;
  let teacher: Weights | null = null;
  if (distillation) {
    const learntFrom = checkpoints[0]?.manifest.position[TEACHER_STEP], source = distillation.teacher;
    teacher = await openWeights(shelves, source.kind === "run" && typeof learntFrom === "number" ? { ...source, step: learntFrom } : source, progress);
  }
  const given = first && spec.start ? await openWeights(shelves, spec.start, progress) : null;
  const issue = weightsIssues(spec, tokenizer.identity, given && trained(given), teacher && trained(teacher))[0];
  if (issue) throw new RunFailure("spec-error", `The spec is wrong at ${issue.path}: ${issue.message}`);
  for (const weights of [given, teacher]) if (weights) checkTokens(weights, tokenizer);
  const start = given ?? (first && distillation?.initialize ? teacher : null);
  return { start, teacher, damaged: [...given?.damaged ?? [], ...teacher?.damaged ?? []] };
}

/** An imported model says which ids its padding, start and end have; the data is prepared with those of the tokenizer, padding also for the start. */
function checkTokens({ name, tokens }: Weights, { pad, end }: TextTokenizer): void {
  if (!tokens || (tokens.pad === pad && tokens.start === pad && tokens.end === end)) return;
  throw new RunFailure("spec-error", `"${name}" marks padding, start and end with the tokens ${tokens.pad}, ${tokens.start} and ${tokens.end}, and the tokenizer with ${pad}, ${pad} and ${end}; choose the tokenizer that the model was trained with.`);
}

const trained = ({ name, model, tokenizer }: Weights): TrainedModel => ({ name, model, tokenizer: tokenizer && tokenizerIdentity(tokenizer) });

/**
 * Rows of the embedding. A model may have more than its tokenizer has tokens, as public ones do, and then so has what continues it:
 * the run's own checkpoint says it, before that the weights it begins with.
 */
export function vocabularyFor(tokenizer: TextTokenizer, { start, teacher }: Origins, checkpoints: readonly StoredCheckpoint[]): number {
  const own = checkpoints.map(({ folder }) => vocabularyOf(join(folder, MODEL_FILES.weights))).find((rows) => rows !== null);
  const source = start ?? teacher, rows = own ?? (source ? vocabularyOf(source.file) : null) ?? tokenizer.vocabularySize;
  if (rows < tokenizer.vocabularySize)
    throw new RunFailure("spec-error", `${source ? `"${source.name}"` : "The checkpoint"} has a vocabulary of ${rows} tokens and the tokenizer ${tokenizer.vocabularySize}; choose the tokenizer that the model was trained with.`);
  return rows;
}
