// The spec that is planned for, with what is known of its data.
import { useMemo } from "react";
import type { Facts } from "../../contract/modelCounts.ts";
import { importedFrom, RunSpec } from "../../contract/runSpec.ts";
import { PAPER_MODELS, T5_FACTS } from "../../planner/paperModels.ts";
import { sentenceOf, useRequest } from "../connection/index.ts";
import { PRESETS } from "../newRun/presets.ts";

export type Subject = { kind: "loading" } | { kind: "error"; message: string } | { kind: "ready"; spec: RunSpec; facts: Facts };

/** Follows the choice: an example, a model of the paper, or a run, whose tokenizer says how many tokens there are. */
export function useSubject(subject: string): Subject {
  const name = subject.slice(subject.indexOf(":") + 1), isRun = subject.startsWith("run:");
  const { data: run, error } = useRequest("runs.get", { runId: isRun ? name : "" }, { enabled: isRun });
  const fixed = useMemo(() => {
    if (isRun) return null;
    const paper = PAPER_MODELS.find((model) => model.name === name);
    return paper ? { spec: paper.spec, facts: T5_FACTS } : { spec: RunSpec.parse(PRESETS.find(({ id }) => id === name)!.spec), facts: {} };
  }, [isRun, name]);
  const spec = run?.spec, looked = spec !== undefined && (spec.data.tokenizer.kind !== "bytes" || spec.data.source.kind === "idx");
  const { data: found, error: unreadable } = useRequest("data.inspect", { source: spec?.data.source, tokenizer: spec?.data.tokenizer }, { enabled: isRun && looked });
  const facts = useMemo((): Facts => (found ? { vocabularySize: found.vocabularySize, ...(found.images ? { images: found.images } : {}) } : {}), [found]);
  if (fixed) return { kind: "ready", ...fixed };
  if (error ?? unreadable) return { kind: "error", message: sentenceOf(error ?? unreadable) };
  if (importedFrom(spec)) return { kind: "error", message: "This run is imported from another trainer’s log, which says nothing of its model; there is nothing to plan." };
  return spec && (!looked || found) ? { kind: "ready", spec, facts } : { kind: "loading" };
}
