// Routing over time as heatmaps: the experts of one layer, or one number of every layer.
import { useMemo } from "react";
import type { FigureState } from "../charts/Figure.tsx";
import { Heatmap } from "../charts/Heatmap.tsx";
import type { HeatmapScaleName } from "../charts/colourScale.ts";
import { useChartLinks } from "../charts/links.ts";
import { bareQuantity, counted, exactQuantity, isShare, quantity, shortNumber } from "../charts/quantity.ts";
import { choose, useChosen } from "./chosen.ts";
import type { HistoryMeasure } from "./historyLine.ts";
import type { LiveHistory } from "./liveHistory.ts";
import { loadTick } from "./routing/layerMeasures.ts";
import { layerLabel, layerName } from "./routingFacts.ts";
import { expertCells, layerTimeCells } from "./timeCells.ts";
import { useStores } from "./useStores.ts";

/** The state of several histories: ready as soon as one is. */
function useHistoriesState(histories: readonly LiveHistory[], above: FigureState): FigureState {
  const { range, zoom } = useChartLinks();
  if (above.kind !== "ready") return above;
  if (histories.some(({ status }) => status === "ready")) return { kind: "ready" };
  const failed = histories.find(({ status }) => status === "error");
  if (failed) return { kind: "error", message: failed.message!, retry: () => histories.forEach((history) => void history.load()) };
  if (histories.some(({ status }) => status === "loading")) return { kind: "loading" };
  if (range) return { kind: "outside", message: "The zoom holds no record of routing.", showAll: () => zoom(null) };
  return { kind: "empty", message: histories[0]?.message ?? "No routing is recorded yet." };
}

const LOAD_LEGEND = { unit: "× fair share", tick: loadTick, hatch: "dead" };
const EXPERT_DEFINITION = "Tokens that chose each expert, before dropping, relative to an even share of the layer's tokens, at each recorded step.";

/** One layer: experts × time. Reads well from 2 to 128 experts, where stacked areas don't. */
export function ExpertTimeHeatmap({ history, state, height }: { history: LiveHistory | null; state: FigureState; height: number }) {
  const histories = useMemo(() => (history ? [history] : []), [history]);
  const version = useStores(histories);
  const { expert } = useChosen();
  const shown = useHistoriesState(histories, state);
  const { cells, steps } = useMemo(() => expertCells(history?.steps ?? []), [history, version]);
  const name = history ? layerName(history.layer) : "";
  return (
    <Heatmap title={`Load over time, ${name}`} definition={EXPERT_DEFINITION} summary={history ? expertSentence(history) : ""} state={shown}
      cells={cells} scale="load" legend={LOAD_LEGEND} columnTitle="step" steps={steps} height={height} selectedRow={expert}
      onSelect={(row) => choose({ expert: row, layer: history!.layer })}
      describe={(row, column) => {
        const load = cells.values[row * steps.length + column]!;
        return { title: `expert ${row}, step ${steps[column]?.toLocaleString("en")}`, values: [["load", `${exactQuantity(load, "")}× fair share${load < 0.1 ? ", dead" : ""}`], ["share", exactQuantity(load / cells.rowLabels.length, "of tokens")]] };
      }}
      table={() => ({ columns: [{ name: "step" }, ...cells.rowLabels.map((label) => ({ name: label, unit: "× fair share" }))], rows: steps.map((step, column) => [step, ...cells.rowLabels.map((_, row) => cells.values[row * steps.length + column]!)]) })} />
  );
}

function expertSentence(history: LiveHistory): string {
  const { cells, steps } = expertCells(history.steps);
  if (steps.length === 0) return "";
  const last = steps.length - 1;
  const final = cells.rowLabels.map((_, row) => cells.values[row * steps.length + last]!);
  const heaviest = final.indexOf(Math.max(...final));
  const ever = new Set<number>();
  if (cells.hatched) cells.hatched.forEach((dead, i) => { if (dead) ever.add(Math.floor(i / steps.length)); });
  const atTheEnd = final[heaviest] === 1 ? "every expert has its fair share at the end" : `the heaviest at the end is expert ${heaviest} with ${shortNumber(final[heaviest]!, 3)}×`;
  return `Over ${counted(steps.length, "recorded step")} ${atTheEnd}; ${ever.size === 0 ? "no expert was ever dead" : `${counted(ever.size, "expert")} ${ever.size === 1 ? "was" : "were"} dead at some step`}`;
}

export interface LayerTimeProps {
  title: string;
  label: string;
  unit: string;
  definition: string;
  histories: readonly LiveHistory[];
  measure: HistoryMeasure;
  state: FigureState;
  scale: HeatmapScaleName;
  height: number;
  controls?: React.ReactNode;
}

/** Every layer: layers × time, for any number of layers. */
export function LayerTimeHeatmap({ title, label, unit, definition, histories, measure, state, scale, height, controls }: LayerTimeProps) {
  const version = useStores(histories);
  const { layer } = useChosen();
  const shown = useHistoriesState(histories, state);
  const { cells, steps, least, greatest } = useMemo(
    () => layerTimeCells(histories.map((history) => history.steps), histories.map((history) => layerLabel(history.layer)), measure),
    [histories, measure, version]);
  const legend = useMemo(() => ({ unit: scale === "overload" ? "× mean load" : isShare(unit) ? `% ${unit}` : unit, tick: (value: number) => (scale === "overload" ? `${shortNumber(value, 3)}×` : bareQuantity(value, unit)), hatch: null }), [scale, unit]);
  const low = scale === "dropped" ? 0 : least;
  const high = scale === "dropped" ? Math.max(0.01, greatest) : greatest;
  return (
    <Heatmap title={title} definition={definition} summary={layerSentence(label, unit, histories, measure)} state={shown} cells={cells} scale={scale}
      low={Number.isFinite(low) ? low : 0} high={Number.isFinite(high) ? high : 1} legend={legend} columnTitle="step" steps={steps} height={height} controls={controls}
      selectedRow={layer ? histories.findIndex((history) => history.layer.stack === layer.stack && history.layer.layer === layer.layer) : null}
      onSelect={(row) => choose({ layer: histories[row]!.layer })}
      describe={(row, column) => ({ title: `${layerName(histories[row]!.layer)}, step ${steps[column]?.toLocaleString("en")}`, values: [[label, exactQuantity(cells.values[row * steps.length + column]!, unit)]] })}
      table={() => ({ columns: [{ name: "step" }, ...histories.map((history) => ({ name: layerName(history.layer), unit }))], rows: steps.map((step, column) => [step, ...histories.map((_, row) => cells.values[row * steps.length + column]!)]) })} />
  );
}

function layerSentence(label: string, unit: string, histories: readonly LiveHistory[], measure: HistoryMeasure): string {
  const last = histories.flatMap((history) => {
    const entry = history.steps.at(-1);
    return entry && Number.isFinite(measure(entry)) ? [{ history, value: measure(entry) }] : [];
  }).sort((a, b) => a.value - b.value);
  if (last.length === 0) return "";
  const [lowest, highest] = [last[0]!, last.at(-1)!];
  return lowest.value === highest.value
    ? `${label} ${last.length === 1 ? "is" : "is everywhere"} ${quantity(lowest.value, unit)} at the end`
    : `${label} at the end: from ${quantity(lowest.value, unit)} (${layerLabel(lowest.history.layer)}) to ${quantity(highest.value, unit)} (${layerLabel(highest.history.layer)})`;
}
