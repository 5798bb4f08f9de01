// React's side of the live store.
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { metricDefinition } from "../../contract/metrics.ts";
import { importedFrom } from "../../contract/runSpec.ts";
import type { RoutingRow } from "../../contract/handlers.ts";
import type { FigureState } from "../charts/Figure.tsx";
import type { Line } from "../charts/lineData.ts";
import { useChartLinks } from "../charts/links.ts";
import { liveRuns, useRunLooks } from "./environment.tsx";
import type { LiveRun } from "./live.ts";
import type { Observable, StepRange } from "./liveStore.ts";
import type { Layer, LiveHistory } from "./liveHistory.ts";
import { HistoryLine, type HistoryMeasure } from "./historyLine.ts";

const nothing = (): (() => void) => () => {};

/** Draws the component again when the store changes. */
export function useObservable(store: Observable | null): void {
  useSyncExternalStore(store ? store.subscribe : nothing, () => store?.version ?? 0);
}

/** The live store of a run, held while the component shows it. */
export function useLiveRun(runId: string): LiveRun {
  useEffect(() => liveRuns().hold(runId), [runId]);
  const run = liveRuns().get(runId);
  useObservable(run);
  return run;
}

function useHeld(runIds: readonly string[]): void {
  const key = runIds.join(" ");
  useEffect(() => {
    const releases = key === "" ? [] : key.split(" ").map((id) => liveRuns().hold(id));
    return () => releases.forEach((release) => release());
  }, [key]);
}

/** A line a run and metric. Several metrics in one chart: the second one is drawn as dots and named. */
export function useMetricLines(runIds: readonly string[], names: readonly string[]): { lines: Line[]; retry: () => void } {
  useHeld(runIds);
  const looks = useRunLooks(runIds);
  const { range } = useChartLinks();
  const from = range?.from;
  const to = range?.to;
  const namesKey = names.join(" ");
  const lines = useMemo(() => {
    const zoom: StepRange = from === undefined || to === undefined ? null : { from, to };
    return looks.flatMap((look) => namesKey.split(" ").map((name, i): Line => ({
      key: `${look.id} ${name}`, name: look.name, colour: look.colour, dash: look.dash, going: look.going, source: liveRuns().get(look.id).metric(name, zoom),
      ...(i > 0 ? { dots: true, label: metricDefinition(name).label } : {}),
    })));
  }, [looks, namesKey, from, to]);
  const retry = useCallback(() => { for (const { id } of looks) liveRuns().get(id).retry(); }, [looks]);
  return { lines, retry };
}

export interface RoutingView {
  state: FigureState;
  /** Empty unless the state is ready. */
  rows: readonly RoutingRow[];
  step: number | null;
  steps: readonly number[];
}

/** Routing of the run at the step everything is scrubbed to. While the rows of a new step come, the last ones stay. */
export function useRouting(runId: string): RoutingView {
  const run = useLiveRun(runId);
  const routing = run.routing();
  useObservable(routing);
  const { step } = useChartLinks();
  const [look] = useRunLooks([runId]);
  const found = routing.rowsAt(step);
  const shown = found.rows ?? routing.shown;
  if (found.rows) routing.shown = found.rows;
  const view = (state: FigureState, rows: readonly RoutingRow[] = []): RoutingView => ({ state, rows, step: rows[0]?.step ?? found.step, steps: routing.steps });
  if (run.status === "error") return view({ kind: "error", message: run.message!, retry: run.retry });
  if (importedFrom(run.detail?.spec)) return view({ kind: "absent", message: "This run’s log, imported from another trainer, says nothing of single experts." });
  if (run.detail && run.detail.spec.model.sparse === null) return view({ kind: "absent", message: "This run is dense: it has no experts and no router." });
  if (routing.status === "error") return view({ kind: "error", message: routing.message!, retry: run.retry });
  if (routing.status === "loading") return view({ kind: "loading" });
  if (routing.status === "absent" && !look!.going) return view({ kind: "absent", message: "This run ended before its first record of routing." });
  if (routing.status === "absent") return view({ kind: "empty", message: `The first record comes after ${run.detail ? `${run.detail.spec.training.routingEvery} steps` : "a few steps"}.` });
  if (found.error) return view({ kind: "error", message: found.error, retry: run.retry });
  return shown ? view({ kind: "ready" }, shown) : view({ kind: "loading" });
}

/** How many recorded steps of each layer to ask for, so that all layers together stay a few megabytes. */
export function historyPoints(layers: number, experts: number): number {
  return Math.round(Math.min(300, Math.max(40, 250_000 / Math.max(1, layers * experts * 3))));
}

/** Each layer's history. */
export function useHistories(runId: string, layers: readonly Layer[], experts: number): LiveHistory[] {
  const { range } = useChartLinks();
  const from = range?.from;
  const to = range?.to;
  const key = layers.map((layer) => `${layer.stack}:${layer.layer}`).join(" ");
  return useMemo(() => {
    const zoom: StepRange = from === undefined || to === undefined ? null : { from, to };
    const points = historyPoints(layers.length, experts);
    const run = liveRuns().get(runId);
    return key === "" ? [] : key.split(" ").map((text) => {
      const [stack, layer] = text.split(":");
      return run.history({ stack: stack as Layer["stack"], layer: Number(layer) }, zoom, points);
    });
  }, [runId, key, layers.length, experts, from, to]);
}

/** One line a layer from its history. */
export function useHistoryLines(runId: string, histories: readonly LiveHistory[], measure: HistoryMeasure, style: (index: number) => Pick<Line, "name" | "colour" | "dash">): Line[] {
  return useMemo(() => {
    const clock = liveRuns().get(runId).metric("loss");
    return histories.map((history, i): Line => ({ key: `${history.layer.stack}:${history.layer.layer}`, ...style(i), source: new HistoryLine(history, measure, clock) }));
  }, [runId, histories, measure, style]);
}
