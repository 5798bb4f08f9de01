// What follows from one recorded routing row. Symbols as in the paper: E experts, C capacity, T tokens, f load, P importance.
import type { RoutingRow } from "../../contract/handlers.ts";
import { DEAD_BELOW } from "../charts/colourScale.ts";

export type RoutingCounts = Pick<RoutingRow, "experts" | "capacity" | "groups" | "tokens" | "load" | "kept" | "probability">;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Load of each expert relative to the fair share: load ÷ (Σ load ÷ E). 1 is fair. All NaN when no token was routed. */
export function relativeLoad(load: readonly number[]): number[] {
  const fair = sum(load) / load.length;
  return load.map((tokens) => (fair > 0 ? tokens / fair : Number.NaN));
}

/** Max load ÷ mean load; 1 is perfect balance (OLMo-core). */
export const overload = (load: readonly number[]): number => Math.max(...relativeLoad(load));

/** Experts whose load lies under 10% of the fair share. */
export const deadExperts = (load: readonly number[]): number[] =>
  relativeLoad(load).flatMap((relative, expert) => (relative < DEAD_BELOW ? [expert] : []));

/** Share of the places E·C·groups that no token took. */
export function padding(row: RoutingCounts): number {
  const places = row.experts * row.capacity * row.groups;
  return places > 0 ? 1 - sum(row.kept) / places : Number.NaN;
}

/** Tokens that no expert kept, as a share of the tokens routed. */
export function droppedFraction(row: RoutingCounts): number {
  const routed = sum(row.load);
  return routed > 0 ? 1 - sum(row.kept) / routed : Number.NaN;
}

/** Load f[e]: share of the tokens that chose expert e (Switch eq. 5). */
export const loadShare = (row: RoutingCounts): number[] => {
  const routed = sum(row.load);
  return row.load.map((tokens) => (routed > 0 ? tokens / routed : Number.NaN));
};

/** Importance P[e]: mean over tokens of the router probability of expert e (Switch eq. 6). */
export const importance = (row: RoutingCounts): number[] =>
  row.probability.map((total) => (row.tokens > 0 ? total / row.tokens : Number.NaN));

/** "enc 1", "dec 3": a layer in few letters, as in a heatmap. */
export const layerLabel = (layer: { stack: "encoder" | "decoder"; layer: number }): string =>
  `${layer.stack === "encoder" ? "enc" : "dec"} ${layer.layer}`;
/** "encoder layer 1", for sentences. */
export const layerName = (layer: { stack: "encoder" | "decoder"; layer: number }): string => `${layer.stack} layer ${layer.layer}`;
export const layerKey = (layer: { stack: "encoder" | "decoder"; layer: number }): string => `${layer.stack}:${layer.layer}`;
