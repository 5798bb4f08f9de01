// The share of its teacher's gain that each distilled run kept, over a dense run of the comparison.
import { useQueries } from "@tanstack/react-query";
import type { RunSummary } from "../../contract/handlers.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { fromWire } from "../../contract/events.ts";
import { percent, shortNumber } from "../charts/quantity.ts";
import { client, sentenceOf } from "../connection/index.ts";
import { denseIndex } from "./denseIndex.ts";

const DEFINITION = "(distilled − dense) ÷ (teacher − dense) in −log perplexity, from the newest evaluations: 0 is no better than the dense run, 100% as good as the teacher (Switch tables 6 to 8).";

export function GainRow({ runs, baseline }: { runs: readonly RunSummary[]; baseline: number }) {
  const specs = useQueries({ queries: runs.map(({ id }) => ({ queryKey: ["runs.get", { runId: id }], queryFn: () => client.send("runs.get", { runId: id }) })) }).map(({ data }) => data?.spec);
  const dense = denseIndex(specs, baseline);
  const reports = useQueries({ queries: runs.map((run, index) => ({
    queryKey: ["runs.distillation", { runId: run.id, denseRunId: runs[dense ?? 0]!.id, step: run.step }], enabled: dense !== null && isStudent(specs[index]),
    queryFn: () => client.send("runs.distillation", { runId: run.id, denseRunId: runs[dense!]!.id }),
  })) });
  if (dense === null || !specs.some(isStudent)) return null;
  return (
    <tr>
      <th scope="row" title={DEFINITION}>teacher’s gain kept<span className="muted"> (over {dense === baseline ? "the baseline" : <bdi>{runs[dense]!.name}</bdi>})</span></th>
      {runs.map((run, index) => {
        if (!isStudent(specs[index])) return <td key={run.id} className="muted">{index === dense ? "0, by definition" : ""}</td>;
        const { data, error } = reports[index]!;
        if (error) return <td key={run.id} className="muted">{sentenceOf(error)}</td>;
        if (!data) return <td key={run.id} className="muted">…</td>;
        const losses = `evaluation cross-entropy: teacher ${shortNumber(fromWire(data.teacher.loss))}, this ${shortNumber(fromWire(data.student.loss))}, dense ${shortNumber(fromWire(data.dense.loss))}`;
        return (
          <td key={run.id} title={losses}>{data.gainKept === null ? "none: the teacher is no better than the dense run" : percent(data.gainKept, 3)}
            {data.differences.length > 0 && <span className="difference">not on the same terms: {data.differences.join(", ")} differ{data.differences.length === 1 ? "s" : ""}</span>}</td>
        );
      })}
    </tr>
  );
}

const isStudent = (spec: RunSpec | undefined): boolean => (spec?.distillation ?? null) !== null;
