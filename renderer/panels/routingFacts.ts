// What follows from one recorded routing row. Symbols as in the paper: E experts, C capacity, T tokens, f load, P importance.
import type { RoutingRow } from "../../contract/handlers.ts";
import { DEAD_BELOW } from "../charts/colourScale.ts";

/** `load` counts choices: k of each token in top-k routing. `kept` counts the rows that an expert computed. */
export type RoutingCounts = Pick<RoutingRow, "experts" | "capacity" | "groups" | "tokens" | "load" | "kept" | "probability" | "dropped">;

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

/** Tokens that reached no expert, as a share of the tokens routed. The trainer counts it: with several choices a token it does not follow from load and kept. */
export const droppedFraction = ({ tokens, dropped }: Pick<RoutingRow, "tokens" | "dropped">): number => (tokens > 0 ? Number(dropped) : Number.NaN);

/** What became of the choices of a layer. All but `dropped` count choices; without several choices a token a choice is a token. */
export interface Fate {
  /** Computed by the expert that was chosen. */
  kept: number;
  /** Computed by an expert that took them when the one chosen was full (No-Token-Left-Behind). */
  rerouted: number;
  /** Tokens that reached no expert. */
  dropped: number;
  /** Choices that found no place, of tokens that another expert computed. */
  unserved: number;
  /** Places that nothing was put in. */
  empty: number;
}
export function fateOf(row: RoutingCounts): Fate {
  const rerouted = reroutedIn(row).reduce((a, b) => a + b, 0), kept = sum(row.kept) - rerouted;
  const dropped = row.tokens > 0 ? Math.round(row.tokens * Number(row.dropped)) : 0;
  return {
    kept, rerouted, dropped,
    unserved: Math.max(0, sum(row.load) - sum(row.kept) - dropped),
    empty: Math.max(0, row.experts * row.capacity * row.groups - sum(row.kept)),
  };
}

/** Rows that each expert computed beyond those that chose it. */
export const reroutedIn = ({ load, kept }: Pick<RoutingRow, "load" | "kept">): number[] => kept.map((rows, expert) => Math.max(0, rows - load[expert]!));
/** Choices of each expert that it did not compute. */
export const overflowOf = ({ load, kept }: Pick<RoutingRow, "load" | "kept">): number[] => load.map((choices, expert) => Math.max(0, choices - kept[expert]!));

/** Choices of a token, on average: 1, or k of top-k routing. */
export const choicesPerToken = ({ load, tokens }: Pick<RoutingRow, "load" | "tokens">): number => (tokens > 0 ? sum(load) / tokens : Number.NaN);
/** Experts that computed a token, on average. */
export const expertsPerToken = ({ kept, tokens }: Pick<RoutingRow, "kept" | "tokens">): number => (tokens > 0 ? sum(kept) / tokens : Number.NaN);

/** Load f[e]: share of the choices that went to expert e (Switch eq. 5). */
export const loadShare = (row: RoutingCounts): number[] => {
  const routed = sum(row.load);
  return row.load.map((choices) => (routed > 0 ? choices / routed : Number.NaN));
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
