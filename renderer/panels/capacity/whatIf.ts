// What another capacity factor would drop and cost, from the exact fractions that the trainer counted at each factor of
// the grid. Nothing is interpolated: between two factors the truth is not known, so only grid factors can be chosen.
import type { RoutingRow } from "../../../contract/handlers.ts";
import type { SparseSpec } from "../../../contract/runSpec.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";

export type WhatIfLayer = Pick<RoutingRow, "experts" | "groups" | "tokens" | "capacity" | "kept" | "load" | "dropped" | "dropAtCapacityFactor">;

/** Places an expert has in one group: ceil(k · T ÷ E · CF), T tokens of the group with k choices each (Switch eq. 3). */
export const capacityAt = (layer: Pick<WhatIfLayer, "tokens" | "groups" | "experts">, factor: number, choices = 1): number =>
  // The small allowance keeps 1.1 × 10 = 11.000000000000002 from becoming 12.
  Math.ceil((layer.tokens / layer.groups / layer.experts) * choices * factor - 1e-9);

/** Why a run of this kind has no drops at other factors; null where it has them. */
export function whyNone(sparse: SparseSpec): string | null {
  if (sparse.routing === "expert-choice") return "Here experts choose their tokens. How many would be left out at another capacity factor does not follow from this step’s choices.";
  if (sparse.overflow === "dropless") return "This run has no capacity limit: nothing is dropped, whatever the factor.";
  if (sparse.overflow === "next-choice") return "Tokens that find no place go to their next choice. Where they would go at another capacity factor does not follow from this step’s loads.";
  return null;
}

/** Rows that experts would compute in a layer at a factor; NaN where the counts do not tell. */
function keptAt(layer: WhatIfLayer, factor: number, choices: number): number {
  if (choices === 1) return layer.tokens * (1 - dropAt(layer, factor));
  // Of several choices a token may lose some and keep others; in one group each expert's load alone says how many.
  return layer.groups === 1 ? layer.load.reduce((sum, load) => sum + Math.min(load, capacityAt(layer, factor, choices)), 0) : Number.NaN;
}

/** Capacity factors that every layer has an exact fraction for, growing. */
export function commonFactors(layers: readonly WhatIfLayer[]): number[] {
  if (layers.length === 0) return [];
  return layers[0]!.dropAtCapacityFactor.map(([factor]) => factor)
    .filter((factor) => layers.every((layer) => layer.dropAtCapacityFactor.some(([other]) => other === factor)))
    .sort((a, b) => a - b);
}

/** Exact dropped fraction of one layer at a factor of its grid; NaN for another factor. */
export const dropAt = (layer: WhatIfLayer, factor: number): number =>
  layer.dropAtCapacityFactor.find(([other]) => other === factor)?.[1] ?? Number.NaN;

export interface WhatIfPoint {
  factor: number;
  /** Dropped share of the tokens of all layers, each token counted once in each layer. */
  dropped: number;
  /** Places in the expert buffers of all layers. */
  places: number;
  /** Share of those places that no token would take. */
  padding: number;
  /** Places relative to a factor of 1, and with them the FLOPs of the experts. */
  cost: number;
}

/**
 * The curve over all layers: what is dropped and what the buffers cost at each factor of the grid.
 * @param choices k of eq. 3: choices of a token that places are made for
 */
export function whatIfCurve(layers: readonly WhatIfLayer[], choices = 1): WhatIfPoint[] {
  const tokens = layers.reduce((total, layer) => total + layer.tokens, 0);
  return commonFactors(layers).map((factor) => {
    let reached = 0;
    let kept = 0;
    let places = 0;
    let placesAtOne = 0;
    for (const layer of layers) {
      reached += layer.tokens * (1 - dropAt(layer, factor));
      kept += keptAt(layer, factor, choices);
      places += layer.experts * layer.groups * capacityAt(layer, factor, choices);
      placesAtOne += layer.experts * layer.groups * capacityAt(layer, 1, choices);
    }
    return {
      factor,
      dropped: tokens > 0 ? 1 - reached / tokens : Number.NaN,
      places,
      padding: places > 0 ? Math.max(0, 1 - kept / places) : Number.NaN,
      cost: placesAtOne > 0 ? places / placesAtOne : Number.NaN,
    };
  });
}

/** What was really dropped and used in these layers at this step. */
export function asRun(layers: readonly WhatIfLayer[]): { dropped: number; places: number; padding: number } {
  let tokens = 0;
  let dropped = 0;
  let kept = 0;
  let places = 0;
  for (const layer of layers) {
    tokens += layer.tokens;
    dropped += layer.tokens > 0 ? layer.tokens * Number(layer.dropped) : 0;
    for (const rows of layer.kept) kept += rows;
    places += layer.experts * layer.capacity * layer.groups;
  }
  return {
    dropped: tokens > 0 ? dropped / tokens : Number.NaN, places,
    padding: places > 0 ? 1 - kept / places : Number.NaN,
  };
}

/** The least factor of the curve that drops no more than `limit`; null where none does. */
export const leastFactorBelow = (curve: readonly WhatIfPoint[], limit: number): number | null =>
  curve.find((point) => point.dropped <= limit)?.factor ?? null;

/** The factor of the curve nearest to `factor`. */
export function nearestFactor(factors: readonly number[], factor: number): number {
  return factors.reduce((best, other) => (Math.abs(other - factor) < Math.abs(best - factor) ? other : best), factors[0] ?? factor);
}

/** "At 1.25: 0.9% of tokens would drop (now 3.1% at 1.0)." with what it costs. */
export function whatIfSentence(point: WhatIfPoint, now: { dropped: number; places: number; padding: number }, currentFactor: number): string {
  const factor = (value: number) => (Number.isInteger(value) ? value.toFixed(1) : shortNumber(value));
  const current = `now ${percent(now.dropped, 2)} at ${factor(currentFactor)}`;
  if (point.factor === currentFactor) return `At ${factor(currentFactor)}, the current factor: ${percent(now.dropped, 2)} of tokens drop, ${percent(now.padding, 2)} of places stay empty.`;
  const change = point.places / now.places - 1;
  const cost = change === 0 ? "as many places" : `${percent(Math.abs(change), 2)} ${change > 0 ? "more" : "fewer"} places`;
  return `At ${factor(point.factor)}: ${percent(point.dropped, 2)} of tokens would drop (${current}), with ${cost} to compute${Number.isFinite(point.padding) ? `, ${percent(point.padding, 2)} of them empty` : ""}.`;
}
