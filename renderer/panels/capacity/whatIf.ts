// What another capacity factor would drop and cost, from the exact fractions that the trainer counted at each factor of
// the grid. Nothing is interpolated: between two factors the truth is not known, so only grid factors can be chosen.
import type { RoutingRow } from "../../../contract/handlers.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";

export type WhatIfLayer = Pick<RoutingRow, "experts" | "groups" | "tokens" | "capacity" | "kept" | "load" | "dropAtCapacityFactor">;

/** Places an expert has in one group: ceil(T ÷ E · CF), T tokens of the group (Switch eq. 3). */
export const capacityAt = (layer: Pick<WhatIfLayer, "tokens" | "groups" | "experts">, factor: number): number =>
  // The small allowance keeps 1.1 × 10 = 11.000000000000002 from becoming 12.
  Math.ceil((layer.tokens / layer.groups / layer.experts) * factor - 1e-9);

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

/** The curve over all layers: what is dropped and what the buffers cost at each factor of the grid. */
export function whatIfCurve(layers: readonly WhatIfLayer[]): WhatIfPoint[] {
  const tokens = layers.reduce((total, layer) => total + layer.tokens, 0);
  return commonFactors(layers).map((factor) => {
    let kept = 0;
    let places = 0;
    let placesAtOne = 0;
    for (const layer of layers) {
      kept += layer.tokens * (1 - dropAt(layer, factor));
      places += layer.experts * layer.groups * capacityAt(layer, factor);
      placesAtOne += layer.experts * layer.groups * capacityAt(layer, 1);
    }
    return {
      factor,
      dropped: tokens > 0 ? 1 - kept / tokens : Number.NaN,
      places,
      padding: places > 0 ? Math.max(0, 1 - kept / places) : Number.NaN,
      cost: placesAtOne > 0 ? places / placesAtOne : Number.NaN,
    };
  });
}

/** What was really dropped and used in these layers at this step. */
export function asRun(layers: readonly WhatIfLayer[]): { dropped: number; places: number; padding: number } {
  let routed = 0;
  let kept = 0;
  let places = 0;
  for (const layer of layers) {
    for (const tokens of layer.load) routed += tokens;
    for (const tokens of layer.kept) kept += tokens;
    places += layer.experts * layer.capacity * layer.groups;
  }
  return {
    dropped: routed > 0 ? 1 - kept / routed : Number.NaN, places,
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
  return `At ${factor(point.factor)}: ${percent(point.dropped, 2)} of tokens would drop (${current}), with ${cost} to compute, ${percent(point.padding, 2)} of them empty.`;
}
