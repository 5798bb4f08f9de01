// What another capacity factor would drop, exactly, and what its places would cost.
import { useId, useMemo } from "react";
import type { FigureState } from "../../charts/Figure.tsx";
import { percent, shortNumber } from "../../charts/quantity.ts";
import { useChartTheme } from "../../charts/theme.ts";
import { XYChart, type XYSeries } from "../../charts/XYChart.tsx";
import { setView, useView } from "../../state/view.ts";
import { choicesOf, type SparseSpec } from "../../../contract/runSpec.ts";
import { layerKey, layerName } from "../routingFacts.ts";
import type { RoutingView } from "../useLive.ts";
import { asRun, commonFactors, dropAt, nearestFactor, whatIfCurve, whatIfSentence, whyNone } from "./whatIf.ts";

const DEFINITION = "Exact dropped fraction of this step's tokens at other capacity factors, counted by the trainer from each group's loads. The loads themselves would change if the run were trained so.";
const factorText = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** `sparse`: what the run was started with; null until it is known. */
export function WhatIf({ view, sparse, height }: { view: RoutingView; sparse: SparseSpec | null; height: number }) {
  const factor = sparse === null || sparse.fixedCapacity !== null ? null : sparse.capacityFactor.training, choices = sparse ? choicesOf(sparse) : 1;
  const { rows } = view;
  const theme = useChartTheme();
  const { factor: wanted } = useView();
  const id = useId();
  const factors = useMemo(() => commonFactors(rows), [rows]);
  const curve = useMemo(() => whatIfCurve(rows, choices), [rows, choices]);
  const now = useMemo(() => asRun(rows), [rows]);
  // At first the next factor above the run's own: the question one usually has.
  const chosen = nearestFactor(factors, wanted ?? factors.find((other) => factor !== null && other > factor) ?? 1.25);
  const point = curve.find((one) => one.factor === chosen);
  const series = useMemo((): XYSeries[] => [
    ...rows.map((row, i): XYSeries => ({
      key: layerKey(row), name: i === 0 ? "each layer" : layerName(row), colour: theme.mutedLine, lineWidth: 1, radius: 0, listed: i === 0 && rows.length > 1,
      points: factors.map((f) => ({ x: f, y: dropAt(row, f), name: `${layerName(row)}, factor ${factorText(f)}`, values: [["dropped", `${percent(dropAt(row, f))} of tokens`]] })),
    })),
    {
      key: "total", name: "all layers", colour: theme.droppedLine, lineWidth: 2, radius: 3, listed: true,
      points: curve.map((one) => ({ x: one.factor, y: one.dropped, name: `all layers, factor ${factorText(one.factor)}`, values: [["dropped", `${percent(one.dropped)} of tokens`], ["places", one.places.toLocaleString("en")], ["padding", Number.isFinite(one.padding) ? `${percent(one.padding)} of capacity` : "not counted"]] })),
    },
  ], [rows, factors, curve, theme]);
  const marks = useMemo(() => [
    ...(factor !== null ? [{ x: factor, label: `now ${factorText(factor)}`, colour: theme.mutedText, dash: [], side: point && point.factor > factor ? "left" as const : "right" as const }] : []),
    ...(point && point.factor !== factor ? [{ x: point.factor, label: factorText(point.factor), colour: theme.accent, dash: [4, 3], side: factor !== null && point.factor < factor ? "left" as const : "right" as const }] : []),
  ], [factor, point, theme]);
  const y = useMemo(() => ({ title: "dropped (% of tokens)", tick: (value: number) => percent(value), min: 0 }), []);
  const x = useMemo(() => ({ title: "capacity factor", tick: (value: number) => shortNumber(value), min: 0, max: factors.at(-1) }), [factors]);
  const state: FigureState = view.state.kind === "ready" && factors.length === 0 ? { kind: "absent", message: (sparse && whyNone(sparse)) ?? "This trainer doesn't count drops at other capacity factors." } : view.state;
  const summary = point && factor !== null ? whatIfSentence(point, now, factor) : "";
  return (
    <XYChart title="What if capacity were different" definition={DEFINITION} summary={summary} state={state} series={series} x={x} y={y} marks={marks} height={height}
      onSelect={(picked) => setView({ factor: picked.x })}
      table={() => ({
        columns: [{ name: "capacity factor", unit: "" }, { name: "dropped", unit: "of tokens" }, ...rows.map((row) => ({ name: layerName(row), unit: "of tokens" })), { name: "places" }, { name: "padding", unit: "of capacity" }, { name: "cost", unit: "× factor 1.0" }],
        rows: curve.map((one) => [one.factor, one.dropped, ...rows.map((row) => dropAt(row, one.factor)), one.places, one.padding, one.cost]),
      })}>
      {point && (
        <div className="what-if">
          <div className="what-if-control">
            <label htmlFor={id}>Capacity factor</label>
            <input id={id} type="range" min={0} max={factors.length - 1} step={1} value={factors.indexOf(point.factor)} aria-valuetext={factorText(point.factor)} onChange={(event) => setView({ factor: factors[Number(event.target.value)]! })} />
            <output htmlFor={id}>{factorText(point.factor)}</output>
          </div>
          <dl className="what-if-facts" aria-live="polite">
            <div><dt>dropped</dt><dd>{percent(point.dropped)} <span>of tokens, now {percent(now.dropped)}</span></dd></div>
            <div><dt>padding</dt><dd>{Number.isFinite(point.padding) ? percent(point.padding) : "not counted"} <span>of capacity, now {percent(now.padding)}</span></dd></div>
            <div><dt>places</dt><dd>{shortNumber(point.places)} <span>now {shortNumber(now.places)}</span></dd></div>
            <div><dt>expert compute</dt><dd>{shortNumber(point.places / now.places, 3)}× <span>of now</span></dd></div>
          </dl>
        </div>
      )}
    </XYChart>
  );
}
