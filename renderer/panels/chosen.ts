// The layer and expert a person looks at, and whose routing the heatmaps show: one choice for all panels, kept in the address.
import type { RoutingRow } from "../../contract/handlers.ts";
import { setView, useView } from "../state/view.ts";
import type { Layer } from "./liveHistory.ts";
import { layerKey } from "./routingFacts.ts";

export interface Chosen {
  layer: Layer | null;
  expert: number | null;
  /** Null follows the primary run. */
  runId: string | null;
}

export function choose({ runId, ...change }: Partial<Chosen>): void {
  setView(runId === undefined ? change : { ...change, routingOf: runId });
}

export function useChosen(): Chosen {
  const { layer, expert, routingOf } = useView();
  return { layer, expert, runId: routingOf };
}

/** Index of the chosen layer among the rows of a run; the first where the run has no such layer. −1 for no rows. */
export function chosenRow(rows: readonly Pick<RoutingRow, "stack" | "layer">[], layer: Layer | null): number {
  if (rows.length === 0) return -1;
  return Math.max(0, layer ? rows.findIndex((row) => layerKey(row) === layerKey(layer)) : 0);
}
