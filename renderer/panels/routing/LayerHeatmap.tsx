// Layers by experts at a step: where the tokens go.
import { useMemo, type ReactNode } from "react";
import type { RoutingRow } from "../../../contract/handlers.ts";
import { Heatmap, type CellDescription } from "../../charts/Heatmap.tsx";
import type { HeatmapCells } from "../../charts/heatmapPaint.ts";
import { exactQuantity } from "../../charts/quantity.ts";
import type { DataTable } from "../../charts/table.ts";
import { setView, useView } from "../../state/view.ts";
import { choose, chosenRow, useChosen } from "../chosen.ts";
import { importance, layerLabel, layerName, overflowOf, relativeLoad, reroutedIn } from "../routingFacts.ts";
import type { RoutingView } from "../useLive.ts";
import { isHatched, LAYER_MEASURES, scaleEnd, type LayerMeasure } from "./layerMeasures.ts";

export function LayerHeatmap({ view, title, height, choice, controls }: { view: RoutingView; title?: string; height: number; choice: boolean; controls?: ReactNode }) {
  const { measure: wanted } = useView();
  const key = choice ? wanted : "load";
  const { layer, expert } = useChosen();
  const measure = LAYER_MEASURES.find((one) => one.key === key)!;
  const { rows, step } = view;
  const { cells, greatest } = useMemo(() => layerCells(rows, measure), [rows, measure]);
  const legend = useMemo(() => ({ unit: measure.unit, tick: measure.tick, hatch: measure.key === "load" || measure.key === "kept" ? "dead" : null }), [measure]);
  const chosen = chosenRow(rows, layer);
  const summary = step === null ? "" : measure.summary(rows, step);
  return (
    <Heatmap title={title ?? `${measure.label} by layer and expert`} definition={measure.definition} summary={summary} state={view.state} cells={cells}
      scale={measure.scale} low={0} high={scaleEnd(measure, greatest)} legend={legend} columnTitle="expert" height={height}
      describe={(row, column) => describeCell(rows[row], column)}
      selected={layer && expert !== null && chosen >= 0 ? { row: chosen, column: expert } : null}
      onSelect={(row, column) => { const found = rows[row]; if (found) choose({ layer: { stack: found.stack, layer: found.layer }, expert: column }); }}
      table={() => layerTable(rows)}
      controls={<>{controls}{choice && <MeasureChoice value={key} onChange={(next) => setView({ measure: next })} />}</>} />
  );
}

function MeasureChoice({ value, onChange }: { value: LayerMeasure["key"]; onChange: (key: LayerMeasure["key"]) => void }) {
  return (
    <span className="segments" role="radiogroup" aria-label="What the heatmap shows">
      {LAYER_MEASURES.map((measure) => (
        <label key={measure.key} title={measure.definition}><input type="radio" name="layer-measure" checked={measure.key === value} onChange={() => onChange(measure.key)} />{measure.label}</label>
      ))}
    </span>
  );
}

function layerCells(rows: readonly RoutingRow[], measure: LayerMeasure): { cells: HeatmapCells; greatest: number } {
  const experts = Math.max(0, ...rows.map((row) => row.experts));
  const values = new Float64Array(rows.length * experts).fill(Number.NaN);
  const hatched = new Uint8Array(values.length);
  let greatest = 0;
  rows.forEach((row, r) => measure.values(row).forEach((value, e) => {
    const i = r * experts + e;
    values[i] = value;
    if (isHatched(measure, value)) hatched[i] = 1;
    if (value > greatest) greatest = value;
  }));
  return {
    cells: { rowLabels: rows.map(layerLabel), columns: Array.from({ length: experts }, (_, e) => e), values, hatched: hatched.includes(1) ? hatched : null },
    greatest,
  };
}

function describeCell(row: RoutingRow | undefined, expert: number): CellDescription {
  if (!row || expert >= row.experts) return { title: "No such expert in this layer", values: [] };
  const load = row.load[expert]!;
  const relative = relativeLoad(row.load)[expert]!, rerouted = reroutedIn(row)[expert]!;
  return {
    title: `${layerName(row)}, expert ${expert}, step ${row.step.toLocaleString("en")}`,
    values: [
      ["load", `${exactQuantity(relative, "")}× fair share${relative < 0.1 ? ", dead" : ""}`],
      ["tokens that chose it", load.toLocaleString("en")],
      ["kept", `${row.kept[expert]!.toLocaleString("en")} of ${(row.capacity * row.groups).toLocaleString("en")} places`],
      ...(rerouted > 0 ? [["rerouted in", `${rerouted.toLocaleString("en")} from full experts`] as const] : []),
      ["found no place", load > 0 ? exactQuantity(overflowOf(row)[expert]! / load, "of its choices") : "none"],
      ["importance", exactQuantity(importance(row)[expert]!, "of probability")],
    ],
  };
}

export function layerTable(rows: readonly RoutingRow[]): DataTable {
  return {
    columns: [{ name: "stack" }, { name: "layer" }, { name: "expert" }, { name: "load", unit: "choices" }, { name: "load", unit: "× fair share" }, { name: "kept", unit: "tokens" }, { name: "rerouted in", unit: "tokens" }, { name: "found no place", unit: "of its choices" }, { name: "importance", unit: "of probability" }],
    rows: rows.flatMap((row) => {
      const relative = relativeLoad(row.load);
      const p = importance(row), rerouted = reroutedIn(row), overflow = overflowOf(row);
      return row.load.map((load, e) => [row.stack, row.layer, e, load, relative[e]!, row.kept[e]!, rerouted[e]!, load > 0 ? overflow[e]! / load : 0, p[e]!]);
    }),
  };
}
