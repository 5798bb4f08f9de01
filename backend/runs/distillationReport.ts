// What a distilled run kept of its teacher's gain over a dense run trained alone.
import { gainKept } from "../../contract/distillation.ts";
import type { DistillationReport, RunSummary } from "../../contract/handlers.ts";
import { fromWire } from "../../contract/events.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { PersonError } from "../personError.ts";

export interface EvaluatedRun { summary: RunSummary; spec: RunSpec }

/** @throws PersonError where a loss is missing or the first run has no teacher. */
export function distillationReport(student: EvaluatedRun, dense: EvaluatedRun): DistillationReport {
  const { distillation } = student.spec;
  if (!distillation) throw new PersonError(`"${student.summary.name}" was not distilled: its spec names no teacher.`);
  const last = ({ summary }: EvaluatedRun): DistillationReport["student"] => {
    const found = summary.metrics["evaluation.loss"];
    if (!found) throw new PersonError(`"${summary.name}" has no evaluation yet.`);
    return { runId: summary.id, name: summary.name, loss: found.last, step: found.lastStep };
  };
  const teacherLoss = student.summary.metrics["evaluation.teacherLoss"];
  if (!teacherLoss) throw new PersonError(`"${student.summary.name}" has not looked at its teacher yet.`);
  const both = { student: last(student), dense: last(dense) };
  return {
    ...both, teacher: { source: distillation.teacher, loss: teacherLoss.last },
    gainKept: gainKept({ teacher: fromWire(teacherLoss.last), student: fromWire(both.student.loss), dense: fromWire(both.dense.loss) }),
    differences: evaluationDifferences(student.spec, dense.spec),
  };
}

/** Fields that make the held-out examples of two runs differ, by dotted path. */
function evaluationDifferences(one: RunSpec, other: RunSpec): string[] {
  const data = (Object.keys(one.data) as (keyof RunSpec["data"])[]).filter((field) => JSON.stringify(one.data[field]) !== JSON.stringify(other.data[field])).map((field) => `data.${field}`);
  const examples = ({ training }: RunSpec): number => training.evaluationBatches * training.batchSize;
  return [...data, ...(examples(one) === examples(other) ? [] : ["training.evaluationBatches"]), ...(one.training.steps === other.training.steps ? [] : ["training.steps"])];
}
