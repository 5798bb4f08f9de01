// The layer and expert a person looks at, and whose routing the heatmaps show: one choice for all panels of a view.
import { useSyncExternalStore } from "react";
import type { RoutingRow } from "../../contract/handlers.ts";
import type { Layer } from "./liveHistory.ts";
import { layerKey } from "./routingFacts.ts";

export interface Chosen {
  layer: Layer | null;
  expert: number | null;
  /** Null follows the primary run. */
  runId: string | null;
}

let chosen: Chosen = { layer: null, expert: null, runId: null };
const listeners = new Set<() => void>();

export function choose(change: Partial<Chosen>): void {
  chosen = { ...chosen, ...change };
  for (const listener of listeners) listener();
}

export const useChosen = (): Chosen =>
  useSyncExternalStore((changed) => {
    listeners.add(changed);
    return () => void listeners.delete(changed);
  }, () => chosen);

/** Index of the chosen layer among the rows of a run; the first where the run has no such layer. −1 for no rows. */
export function chosenRow(rows: readonly Pick<RoutingRow, "stack" | "layer">[], layer: Layer | null): number {
  if (rows.length === 0) return -1;
  return Math.max(0, layer ? rows.findIndex((row) => layerKey(row) === layerKey(layer)) : 0);
}
