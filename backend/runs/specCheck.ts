// Whether a spec can be started here: its schema, and the files and weights it names.
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { SpecIssue } from "../../contract/handlers.ts";
import { importedFrom, RunSpec, type RunSpec as Spec } from "../../contract/runSpec.ts";
import { toIssues } from "../../contract/specIssues.ts";
import type { Shelves } from "../../trainer/run/weightsSource.ts";
import { checkWeights } from "./specWeights.ts";

/** The spec with its defaults filled in, or what is wrong with it, field by field. */
export function checkSpec(input: unknown, shelves: Shelves): { spec: Spec; issues: [] } | { spec: null; issues: SpecIssue[] } {
  const parsed = RunSpec.safeParse(input);
  if (!parsed.success) return { spec: null, issues: toIssues(parsed.error) };
  const issues = [...importedLineage(parsed.data), ...missingFiles(parsed.data), ...checkWeights(parsed.data, shelves)];
  return issues.length > 0 ? { spec: null, issues } : { spec: parsed.data, issues: [] };
}

/** A run that is only another trainer's log has no model to train. */
const importedLineage = (spec: Spec): SpecIssue[] =>
  (importedFrom(spec) ? [{ path: "lineage", message: 'A spec of kind "imported" describes another trainer\'s log and can\'t be trained; leave "lineage" out.' }] : []);

function missingFiles({ data }: Spec): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const check = (file: string, path: string) => {
    if (!isAbsolute(file)) issues.push({ path, message: `"${file}" is not a full path; write it from the root, beginning with /.` });
    else if (!statSync(file, { throwIfNoEntry: false })) issues.push({ path, message: `There is no file or folder "${file}".` });
  };
  if (data.source.kind === "files" || data.source.kind === "jsonl") data.source.paths.forEach((file, i) => check(file, `data.source.paths.${i}`));
  if (data.source.kind === "jsonl") data.source.heldOut?.forEach((file, i) => check(file, `data.source.heldOut.${i}`));
  if (data.tokenizer.kind === "huggingface") check(data.tokenizer.path, "data.tokenizer.path");
  return issues;
}
