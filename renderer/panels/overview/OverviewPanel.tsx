// A run in five seconds: is it learning, how fast, does it drop tokens, is the router healthy, and what it warns of.
import { useMemo } from "react";
import { MetricChart } from "../MetricChart.tsx";
import { PanelGrid, type PanelItem } from "../PanelGrid.tsx";
import { RoutingBar, usePickedRun } from "../RoutingBar.tsx";
import { LayerHeatmap } from "../routing/LayerHeatmap.tsx";
import { useLiveRun, useRouting } from "../useLive.ts";
import { AlertList } from "./AlertList.tsx";
import { extraCharts, foreignMetrics } from "./extraCharts.ts";
import type { PanelProps } from "../panelProps.ts";

export function OverviewPanel({ runIds, primary }: PanelProps) {
  const picked = usePickedRun(runIds, primary);
  const view = useRouting(picked);
  const detail = useLiveRun(picked).detail, spec = detail?.spec ?? null, foreign = foreignMetrics(spec, detail?.metricNames ?? []).join(" ");
  const items = useMemo((): PanelItem[] => [
    { id: "loss", columns: 7, content: <MetricChart runIds={runIds} names={["loss", "evaluation.loss"]} height={240} /> },
    { id: "load", columns: 5, content: <LayerHeatmap view={view} height={260} choice={false} /> },
    ...(spec?.model.sparse === null && runIds.length === 1 ? [] : [{ id: "dropped", columns: 4 as const, content: <MetricChart runIds={runIds} names={["droppedFraction"]} height={160} /> }]),
    { id: "throughput", columns: 4, content: <MetricChart runIds={runIds} names={["tokensPerSecond"]} height={160} /> },
    { id: "alerts", columns: 4, content: <AlertList runIds={runIds} /> },
    ...extraCharts(spec).map(({ id, names }): PanelItem => ({ id, columns: 6, content: <MetricChart runIds={runIds} names={names} {...(id === "teacher" ? { title: "Evaluation beside the teacher" } : {})} height={160} /> })),
    { id: "learning-rate", columns: 6, content: <MetricChart runIds={runIds} names={["learningRate"]} height={130} /> },
    { id: "gradient-norm", columns: 6, content: <MetricChart runIds={runIds} names={["gradientNorm"]} height={130} /> },
    ...foreign.split(" ").filter((name) => name !== "").map((name): PanelItem => ({ id: `metric ${name}`, columns: 4, content: <MetricChart runIds={runIds} names={[name]} height={130} /> })),
  ], [runIds, view, spec, foreign]);
  return <PanelGrid panel="overview" bar={runIds.length > 1 || view.state.kind === "ready" ? <RoutingBar runIds={runIds} picked={picked} view={view} layers={false} /> : undefined} items={items} />;
}
