// What the layer × expert heatmap can show of a recorded step.
import type { RoutingRow } from "../../../contract/handlers.ts";
import type { HeatmapScaleName } from "../../charts/colourScale.ts";
import { DEAD_BELOW, LOAD_LIMIT } from "../../charts/colourScale.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";
import { importance, overflowOf, relativeLoad } from "../routingFacts.ts";
import { droppedSentence, loadSentence, mostSentence } from "../routingSummaries.ts";

export interface LayerMeasure {
  key: "load" | "kept" | "dropped" | "probability" | "importance";
  label: string;
  unit: string;
  scale: HeatmapScaleName;
  definition: string;
  /** One value an expert; NaN where nothing was routed. */
  values: (row: RoutingRow) => number[];
  text: (value: number) => string;
  tick: (value: number) => string;
  /** All rows of a step in words. */
  summary: (rows: readonly RoutingRow[], step: number) => string;
}

const times = (value: number): string => `${shortNumber(value, 3)}×`;
/** The ends of the load scale hold everything beyond them. */
export const loadTick = (value: number): string => (value >= LOAD_LIMIT ? `≥${times(value)}` : value <= 1 / LOAD_LIMIT ? `≤${times(value)}` : times(value));

function relativeKept(row: RoutingRow): number[] {
  const fair = row.load.reduce((a, b) => a + b, 0) / row.experts;
  return row.kept.map((tokens) => (fair > 0 ? tokens / fair : Number.NaN));
}
const relativeImportance = (row: RoutingRow): number[] => importance(row).map((p) => p * row.experts);

export const LAYER_MEASURES: readonly LayerMeasure[] = [
  {
    key: "load", label: "Load", unit: "× fair share", scale: "load", text: times, tick: loadTick,
    definition: "Choices of the expert, before dropping, relative to an even share of all choices. Under 0.1 the expert is dead at this step; “Dead experts” counts those that stay so over 20 recorded steps.",
    values: (row) => relativeLoad(row.load), summary: loadSentence,
  },
  {
    key: "kept", label: "Kept", unit: "× fair share", scale: "load", text: times, tick: loadTick,
    definition: "Tokens that the expert computed, those rerouted to it included, relative to an even share of all choices.",
    values: relativeKept,
    summary: (rows, step) => mostSentence(rows, step, relativeKept, (value) => `keeps most: ${times(value)} its fair share`),
  },
  {
    key: "dropped", label: "Dropped", unit: "of its choices", scale: "dropped", text: (value) => `${percent(value)} of its choices`, tick: (value) => percent(value),
    definition: "Choices of the expert that found no place in it, as a share of all its choices. A token that no other expert computes passes through the residual alone.",
    values: (row) => overflowOf(row).map((overflow, e) => (row.load[e]! > 0 ? overflow / row.load[e]! : 0)), summary: droppedSentence,
  },
  {
    key: "probability", label: "Probability", unit: "mean p", scale: "probability", text: (value) => shortNumber(value, 3), tick: (value) => shortNumber(value, 2),
    definition: "Importance P of eq. 6: mean over tokens of the router's probability of the expert.",
    values: importance,
    summary: (rows, step) => mostSentence(rows, step, importance, (value, row) => `is the most probable: mean p ${shortNumber(value, 3)}, where an even share is ${shortNumber(1 / row.experts, 3)}`),
  },
  {
    key: "importance", label: "Importance", unit: "× fair share", scale: "load", text: times, tick: loadTick,
    definition: "Importance P of eq. 6 relative to 1 ÷ experts: where the router's probability goes, next to where the tokens go.",
    values: relativeImportance,
    summary: (rows, step) => mostSentence(rows, step, relativeImportance, (value) => `has the greatest importance: ${times(value)} its fair share`),
  },
];

/** A dead expert is hatched where load or what was kept of it is shown. */
export const isHatched = (measure: LayerMeasure, value: number): boolean => (measure.key === "load" || measure.key === "kept") && value < DEAD_BELOW;

/** End of the sequential scales: the greatest value, a little rounded up so that it doesn't flicker from step to step. */
export function scaleEnd(measure: LayerMeasure, greatest: number): number {
  if (measure.scale === "load") return 1;
  if (!(greatest > 0)) return measure.scale === "dropped" ? 0.1 : 1;
  return Math.min(1, [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1].find((end) => end >= greatest * 0.999) ?? 1);
}
