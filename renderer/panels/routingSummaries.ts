// The routing of a step in words.
import type { RoutingRow } from "../../contract/handlers.ts";
import { counted, percent, shortNumber } from "../charts/quantity.ts";
import { deadExperts, droppedFraction, importance, layerLabel, layerName, overload, padding, relativeLoad } from "./routingFacts.ts";

const atStep = (step: number): string => `At step ${step.toLocaleString("en")}`;
const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);

/** The heaviest expert and the dead ones. */
export function loadSentence(rows: readonly RoutingRow[], step: number): string {
  let heaviest: { row: RoutingRow; expert: number; load: number } | null = null;
  let dead = 0;
  let experts = 0;
  for (const row of rows) {
    relativeLoad(row.load).forEach((load, expert) => {
      if (Number.isFinite(load) && load > (heaviest?.load ?? 0)) heaviest = { row, expert, load };
    });
    dead += deadExperts(row.load).length;
    experts += row.experts;
  }
  if (!heaviest) return `${atStep(step)} no token was routed`;
  const { row, expert, load } = heaviest as { row: RoutingRow; expert: number; load: number };
  const deadWords = dead === 0 ? `none of ${counted(experts, "expert")} is dead` : `${dead.toLocaleString("en")} of ${counted(experts, "expert")} ${dead === 1 ? "is" : "are"} dead`;
  // The heaviest has the mean only where all have.
  if (load === 1) return `${atStep(step)} every expert has its fair share; ${deadWords}`;
  return `${atStep(step)} expert ${expert} of ${layerLabel(row)} has most: ${shortNumber(load, 3)}× its fair share; ${deadWords}`;
}

/** The expert of all layers with most of a measure; `words` say what it has, given how much. */
export function mostSentence(rows: readonly RoutingRow[], step: number, values: (row: RoutingRow) => number[], words: (value: number, row: RoutingRow) => string): string {
  const all = rows.flatMap((row) => values(row).map((value, expert) => ({ row, expert, value }))).filter(({ value }) => Number.isFinite(value));
  if (all.length === 0) return `${atStep(step)} no token was routed`;
  const { row, expert, value } = all.reduce((most, other) => (other.value > most.value ? other : most));
  return `${atStep(step)} expert ${expert} of ${layerName(row)} ${words(value, row)}`;
}

/** What was dropped over all layers, and where most. */
export function droppedSentence(rows: readonly RoutingRow[], step: number): string {
  const drops = rows.map(droppedFraction);
  if (finite(drops).length === 0) return `${atStep(step)} no token was routed`;
  const tokens = rows.reduce((total, row) => total + row.tokens, 0);
  const dropped = rows.reduce((total, row, i) => total + row.tokens * (drops[i] || 0), 0);
  const worst = drops.indexOf(Math.max(...finite(drops)));
  if (dropped === 0) return `${atStep(step)} no token is dropped in ${counted(rows.length, "layer")}`;
  const where = rows.length > 1 ? `, most in ${layerName(rows[worst]!)} (${percent(drops[worst]!, 2)})` : "";
  return `${atStep(step)} ${percent(dropped / tokens, 2)} of tokens are dropped${where}; ${percent(meanPadding(rows), 2)} of places are empty`;
}

/** Empty places over all layers: each layer counts by its places. */
export function meanPadding(rows: readonly RoutingRow[]): number {
  const places = rows.map((row) => row.experts * row.capacity * row.groups);
  const total = places.reduce((a, b) => a + b, 0);
  return total > 0 ? rows.reduce((empty, row, i) => empty + padding(row) * places[i]!, 0) / total : Number.NaN;
}

/** How far importance strays from load in a layer. */
export function importanceSentence(row: RoutingRow): string {
  const p = importance(row);
  const routed = row.load.reduce((a, b) => a + b, 0);
  const difference = p.map((value, e) => row.load[e]! / routed - value);
  const furthest = difference.reduce((best, value, e) => (Math.abs(value) > Math.abs(difference[best]!) ? e : best), 0);
  return `In ${layerName(row)} at step ${row.step.toLocaleString("en")} expert ${furthest} differs most: load ${percent(row.load[furthest]! / routed, 3)} of choices, importance ${percent(p[furthest]!, 3)} of probability; overload ${shortNumber(overload(row.load), 3)}`;
}
