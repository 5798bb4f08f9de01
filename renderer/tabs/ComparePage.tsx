// Two or more runs side by side: what differs in their specs, and what came of it.
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { metricDefinition, targetOf } from "../../contract/metrics.ts";
import type { Series } from "../../contract/handlers.ts";
import { saveCsv } from "../charts/download.ts";
import { bareQuantity } from "../charts/quantity.ts";
import { client, useRequest } from "../connection/index.ts";
import { Swatch } from "../frame/Swatch.tsx";
import { say } from "../state/notice.ts";
import { useRuns } from "../state/runs.ts";
import { setView, useView } from "../state/view.ts";
import type { Json } from "../spec/draft.ts";
import { fieldFacts, type FieldFacts } from "../spec/specFields.ts";
import { specValue } from "../spec/specValue.ts";
import { asCsv, asMarkdown, cells, commonEnd, COMPARED, differenceText, exactTable, PLACE_NAMES, placeText, PLACES, reachText, readable, readableTable, stateText, summaryValue, valueBefore, type Cell, type Comparison, type Place } from "./compareTable.ts";
import { GainRow } from "./GainRow.tsx";
import "./tabs.css";

/** Points a series is read at: a place is then right within a thousandth of the run. */
const POINTS = 1000;

/** The series of every compared metric of every run, while they are needed. */
function useSeries(runIds: readonly string[], needed: boolean): (name: string, run: number) => Series | undefined {
  const asked = useMemo(() => COMPARED.flatMap((name) => runIds.map((runId) => ({ name, runId }))), [runIds]);
  const answers = useQueries({ queries: asked.map((args) => ({
    queryKey: ["metrics.series", args, POINTS], enabled: needed,
    queryFn: () => client.send("metrics.series", { ...args, points: POINTS }),
  })) });
  return (name, run) => answers[COMPARED.indexOf(name as (typeof COMPARED)[number]) * runIds.length + run]?.data;
}

const factsOf = (path: string): FieldFacts | undefined => {
  try {
    return fieldFacts(path);
  } catch {
    return undefined;
  }
};

export function ComparePage({ runIds }: { runIds: string[] }) {
  const { runs: all } = useRuns();
  const runs = runIds.map((id) => all.find((run) => run.id === id)).filter((run) => run !== undefined);
  const { place, baseline } = useView();
  const base = Math.max(0, runs.findIndex(({ id }) => id === baseline));
  const summary = place === "last" || place === "min" || place === "max";
  const seriesOf = useSeries(runIds, !summary);
  const { data, error } = useRequest("runs.compare", { runIds }, { enabled: runs.length >= 2 });
  const { data: ofBaseline } = useRequest("runs.get", { runId: runs[base]?.id ?? "" }, { enabled: runs.length >= 2 }), target = targetOf(ofBaseline?.spec);
  // The names stand at the head, as they are now; the spec has those that the runs were started with.
  const differences = data?.filter(({ path }) => path !== "name");

  if (runs.length < 2) return (
    <div className="page-state"><h1>Nothing to compare yet</h1><p>Open a run, then press the eye of another one in the list to lay it over the first.</p>
      <button type="button" className="button" onClick={() => setView({ page: "runs" })}>Back to the run</button></div>
  );

  const end = summary ? null : commonEnd(runs.map((_, run) => seriesOf("loss", run)), place);
  const metrics = COMPARED.map((name) => {
    const values = runs.map((run, index) => {
      if (summary) return summaryValue(run, name, place);
      const series = seriesOf(name, index);
      return series && end !== null ? valueBefore(series, place, end) : null;
    });
    return { name, cells: cells(name, values, base, differences ?? []) };
  }).filter(({ cells: row }) => row.some(({ value }) => value !== null));
  const comparison: Comparison = { runs, baseline: base, target, place: placeText(place, end), metrics, differences: differences ?? [] };
  const reach = reachText(place, end);
  const copy = () => void navigator.clipboard.writeText(asMarkdown(readableTable(comparison))).then(() => say("Copied the comparison as Markdown."), () => say("The browser did not allow copying; save it as CSV instead."));

  return (
    <div className="compare">
      <header className="compare-head">
        <h1>Compare {runs.length} runs</h1>
        <label className="bar-field">Values <select className="input" value={place} onChange={(event) => setView({ place: event.target.value as Place })}>{PLACES.map((one) => <option key={one} value={one}>{PLACE_NAMES[one]}</option>)}</select></label>
        {!summary && <span className="muted number">{reach === null ? "waiting for values" : `${reach}, where the shortest run has come to`}</span>}
        <span className="compare-buttons">
          <button type="button" className="button" onClick={copy}>Copy as Markdown</button>
          <button type="button" className="button" onClick={() => saveCsv(asCsv(exactTable(comparison)), "comparison")}>Save as CSV</button>
          <button type="button" className="button" onClick={() => setView({ page: "runs" })}>Back to the charts</button>
        </span>
      </header>
      <div className="compare-body">
        <table className="compare-table number">
          <thead><tr><th scope="col">Baseline</th>{runs.map((run, index) => (
            <th scope="col" key={run.id}><label className="field-check"><input type="radio" name="baseline" checked={index === base} onChange={() => setView({ baseline: run.id })} aria-label={`${run.name} as the baseline`} /><Swatch colour={run.colour} /><bdi title={run.name}>{run.name}</bdi></label></th>
          ))}</tr></thead>
          <tbody>
            <tr className="compare-group"><th colSpan={runs.length + 1} scope="rowgroup">Results</th></tr>
            <tr><th scope="row">state</th>{runs.map((run) => <td key={run.id}>{stateText(run)}</td>)}</tr>
            {metrics.map(({ name, cells: row }) => {
              const { label, unit, definition } = metricDefinition(name, target);
              return <tr key={name}><th scope="row" title={definition}>{label}{unit && <span className="muted"> ({unit})</span>}</th>{row.map((cell, index) => <ValueCell key={runs[index]!.id} cell={cell} unit={unit} />)}</tr>;
            })}
            <GainRow runs={runs} baseline={base} />
            <tr className="compare-group"><th colSpan={runs.length + 1} scope="rowgroup">Specs, where they differ</th></tr>
            {error && <tr><td colSpan={runs.length + 1} className="field-error">{error.message}</td></tr>}
            {differences?.length === 0 && <tr><td colSpan={runs.length + 1} className="muted">The specs are the same.</td></tr>}
            {differences && readable(differences).map(({ path, values }) => {
              const facts = factsOf(path);
              return <tr key={path}><th scope="row" title={facts?.description}>{facts?.title ?? path}<code className="muted">{path}</code></th>{values.map((value, index) => <td key={runs[index]?.id ?? index} data-differs={JSON.stringify(value) !== JSON.stringify(values[base])}><bdi>{specValue(value as Json, facts)}</bdi></td>)}</tr>;
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function ValueCell({ cell: { value, difference, verdict }, unit }: { cell: Cell; unit: string }) {
  if (value === null) return <td className="muted">not recorded</td>;
  return <td title={String(value)}>{bareQuantity(value, unit)}{difference !== null && <span className="difference" data-verdict={verdict} title={verdict === "other task" ? "Data, tokenizer or objective differ, so neither loss is better." : undefined}>{differenceText(difference, unit)}{verdict === null || verdict === "same" ? "" : ` ${verdict}`}</span>}</td>;
}
