// Charts that only some runs have something to show in.
import { importedFrom, type RunSpec } from "../../../contract/runSpec.ts";

export interface ExtraChart {
  id: string;
  /** Metrics of the chart; the first gives it its name. */
  names: readonly string[];
  /** Will a run of this spec record it? */
  recorded: (spec: RunSpec) => boolean;
}

/** Does the number of experts that compute a token vary? Not where each goes to one. */
function variesByToken({ model: { sparse } }: RunSpec): boolean {
  if (!sparse) return false;
  return sparse.routing === "expert-choice" || (sparse.routing === "top-k" && (sparse.choices > 1 && sparse.laterChoices !== "none"));
}

const EXTRA: readonly ExtraChart[] = [
  { id: "accuracy", names: ["evaluation.accuracy"], recorded: ({ data }) => data.objective === "classification" || data.objective === "text-to-text" },
  { id: "exact-match", names: ["evaluation.exactMatch"], recorded: ({ data }) => data.objective === "text-to-text" },
  { id: "distillation-loss", names: ["distillationLoss"], recorded: ({ distillation }) => distillation !== null },
  { id: "teacher", names: ["evaluation.loss", "evaluation.teacherLoss"], recorded: ({ distillation }) => distillation !== null },
  { id: "sparsity", names: ["sparsity"], recorded: ({ training }) => training.pruning !== null },
  { id: "experts-per-token", names: ["expertsPerToken"], recorded: variesByToken },
];

/** Charts of what a run of the spec records besides what all do. */
export const extraCharts = (spec: RunSpec | null): readonly ExtraChart[] => (spec && !importedFrom(spec) ? EXTRA.filter(({ recorded }) => recorded(spec)) : []);

/** Charts of an imported run's other metrics, under their trainer's own names. */
const MOST_FOREIGN = 24;
const SHOWN = new Set(["loss", "evaluation.loss", "droppedFraction", "tokensPerSecond", "learningRate", "gradientNorm"]);
export const foreignMetrics = (spec: RunSpec | null, metricNames: readonly string[]): readonly string[] =>
  (importedFrom(spec) ? metricNames.filter((name) => !SHOWN.has(name)).slice(0, MOST_FOREIGN) : []);
