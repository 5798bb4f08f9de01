// What capacity costs: tokens kept and dropped by layer and over time, empty places, and what another factor would do.
import { useMemo } from "react";
import { importedFrom } from "../../../contract/runSpec.ts";
import type { HistoryMeasure } from "../historyLine.ts";
import { MetricChart } from "../MetricChart.tsx";
import { PanelGrid, type PanelItem } from "../PanelGrid.tsx";
import { RoutingBar, usePickedRun } from "../RoutingBar.tsx";
import { droppedFraction, padding } from "../routingFacts.ts";
import { LayerTimeHeatmap } from "../TimeHeatmaps.tsx";
import { useHistories, useLiveRun, useRouting } from "../useLive.ts";
import { KeptAndDropped } from "./KeptAndDropped.tsx";
import { WhatIf } from "./WhatIf.tsx";
import type { PanelProps } from "../panelProps.ts";

const dropped: HistoryMeasure = (step) => droppedFraction(step);
const empty: HistoryMeasure = (step) => padding(step);

export function CapacityPanel({ runIds, primary }: PanelProps) {
  const picked = usePickedRun(runIds, primary);
  const run = useLiveRun(picked);
  const view = useRouting(picked);
  const experts = Math.max(1, ...view.rows.map((row) => row.experts));
  const histories = useHistories(picked, view.rows, experts);
  const sparse = (importedFrom(run.detail?.spec) ? null : run.detail?.spec.model.sparse) ?? null;
  const items = useMemo((): PanelItem[] => [
    { id: "what-if", columns: 6, content: <WhatIf view={view} sparse={sparse} height={210} /> },
    { id: "kept-and-dropped", columns: 6, content: <KeptAndDropped view={view} height={260} /> },
    { id: "dropped-by-layer", columns: 6, content: (
      <LayerTimeHeatmap title="Dropped tokens by layer" label="dropped" unit="of tokens" scale="dropped" height={240} histories={histories} measure={dropped} state={view.state}
        definition="Tokens that reached no expert ÷ tokens routed, in each layer at each recorded step." />) },
    { id: "padding-by-layer", columns: 6, content: (
      <LayerTimeHeatmap title="Padding by layer" label="padding" unit="of capacity" scale="measure" height={240} histories={histories} measure={empty} state={view.state}
        definition="Places in expert buffers that no token used, 1 − kept ÷ (experts × capacity × groups), in each layer at each recorded step." />) },
    { id: "dropped", columns: 6, content: <MetricChart runIds={runIds} names={["droppedFraction", "evaluation.droppedFraction"]} height={180} /> },
    { id: "padding", columns: 6, content: <MetricChart runIds={runIds} names={["paddingFraction"]} height={180} /> },
  ], [view, sparse, histories, runIds]);
  return <PanelGrid panel="capacity" bar={<RoutingBar runIds={runIds} picked={picked} view={view} layers={false} />} items={items} />;
}
