// Histories as the cells of a heatmap over time: one layer's experts, or one number of each layer.
import type { HeatmapCells } from "../charts/heatmapPaint.ts";
import { indexAtOrBefore } from "../charts/bucketSeries.ts";
import { DEAD_BELOW } from "../charts/colourScale.ts";
import type { HistoryMeasure } from "./historyLine.ts";
import type { HistoryStep } from "./routingHistory.ts";
import { relativeLoad } from "./routingFacts.ts";

/** Experts × recorded steps: load relative to the fair share. */
export function expertCells(history: readonly HistoryStep[]): { cells: HeatmapCells; steps: number[] } {
  const steps = history.map(({ step }) => step);
  const experts = history.at(-1)?.experts ?? 0;
  const values = new Float64Array(experts * steps.length).fill(Number.NaN);
  const hatched = new Uint8Array(values.length);
  history.forEach((entry, column) => relativeLoad(entry.load).forEach((value, expert) => {
    if (expert >= experts) return;
    const i = expert * steps.length + column;
    values[i] = value;
    if (value < DEAD_BELOW) hatched[i] = 1;
  }));
  return { cells: { rowLabels: Array.from({ length: experts }, (_, e) => `expert ${e}`), columns: steps, values, hatched: hatched.includes(1) ? hatched : null }, steps };
}

/**
 * Layers × recorded steps. Layers may be recorded at different steps: columns are the steps of the one recorded most
 * often, and each layer shows its newest record at or before them.
 */
export function layerTimeCells(histories: readonly (readonly HistoryStep[])[], labels: readonly string[], measure: HistoryMeasure): { cells: HeatmapCells; steps: number[]; least: number; greatest: number } {
  const lead = histories.reduce<readonly HistoryStep[]>((longest, history) => (history.length > longest.length ? history : longest), []);
  const steps = lead.map(({ step }) => step);
  const values = new Float64Array(histories.length * steps.length).fill(Number.NaN);
  let least = Infinity;
  let greatest = -Infinity;
  histories.forEach((history, row) => {
    const own = history.map(({ step }) => step);
    steps.forEach((step, column) => {
      const index = indexAtOrBefore(own, own.length, step);
      if (index < 0) return;
      const value = measure(history[index]!);
      values[row * steps.length + column] = value;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    });
  });
  return { cells: { rowLabels: labels, columns: steps, values, hatched: null }, steps, least, greatest };
}
