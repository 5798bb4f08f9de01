// Importance P against load f, one dot an expert: on the diagonal tokens go where the probability goes.
import { useMemo } from "react";
import type { RoutingRow } from "../../../contract/handlers.ts";
import { linearTicks } from "../../charts/colourScale.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";
import { useChartTheme } from "../../charts/theme.ts";
import { XYChart, type XYSeries } from "../../charts/XYChart.tsx";
import { choose, useChosen } from "../chosen.ts";
import { importance, layerLabel, loadShare } from "../routingFacts.ts";
import { importanceSentence } from "../routingSummaries.ts";
import type { RoutingView } from "../useLive.ts";

/** A round number a little above `greatest`. */
function roundEnd(greatest: number): number {
  const ticks = linearTicks(0, greatest, 4);
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : greatest;
  return Number((Math.floor(greatest / step + 1) * step).toPrecision(12));
}

const DEFINITION = "f: share of all choices that went to the expert, before dropping (eq. 5). P: mean router probability of the expert (eq. 6). The auxiliary loss is E·Σ f·P.";

export function ImportanceScatter({ view, row, height }: { view: RoutingView; row: RoutingRow | null; height: number }) {
  const theme = useChartTheme();
  const { expert } = useChosen();
  const data = useMemo(() => {
    if (!row) return { series: [] as XYSeries[], end: 1 };
    const f = loadShare(row);
    const p = importance(row);
    const point = (e: number) => ({
      x: f[e]!, y: p[e]!, name: `expert ${e}`,
      values: [["load f", `${percent(f[e]!)} of choices`], ["importance P", `${percent(p[e]!)} of probability`], ["f × experts", `${shortNumber(f[e]! * row.experts)}× fair share`]] as [string, string][],
    });
    const all = row.load.map((_, e) => e);
    const series: XYSeries[] = [{ key: "experts", name: "experts", colour: theme.text, lineWidth: 0, radius: row.experts > 48 ? 2.5 : 4, listed: false, points: all.map(point) }];
    if (expert !== null && expert < row.experts) series.push({ key: "chosen", name: `expert ${expert}`, colour: theme.accent, lineWidth: 0, radius: 6, listed: true, points: [point(expert)] });
    return { series, end: Math.min(1, roundEnd(Math.max(...f.filter(Number.isFinite), ...p.filter(Number.isFinite), 1 / row.experts))) };
  }, [row, theme, expert]);
  const marks = useMemo(() => (row ? [{ x: 1 / row.experts, label: `fair share ${percent(1 / row.experts)}`, colour: theme.mutedText, dash: [2, 3] }] : []), [row, theme]);
  const x = useMemo(() => ({ title: "load f (% of choices)", tick: (value: number) => percent(value), min: 0, max: data.end }), [data.end]);
  const y = useMemo(() => ({ title: "importance P (% of probability)", tick: (value: number) => percent(value), min: 0, max: data.end }), [data.end]);
  return (
    <XYChart title={`Importance against load${row ? `, ${layerLabel(row)}` : ""}`} definition={DEFINITION} summary={row ? importanceSentence(row) : ""} state={view.state}
      series={data.series} x={x} y={y} marks={marks} diagonal="P = f" height={height} onSelect={(_, series, index) => choose({ expert: series.key === "chosen" ? expert : index, ...(row ? { layer: { stack: row.stack, layer: row.layer } } : {}) })}
      table={() => ({
        columns: [{ name: "expert" }, { name: "load f", unit: "of choices" }, { name: "importance P", unit: "of probability" }],
        rows: row ? row.load.map((_, e) => [e, loadShare(row)[e]!, importance(row)[e]!]) : [],
      })} />
  );
}
