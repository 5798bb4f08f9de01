// Is the load balanced? The auxiliary loss stands beside cross-entropy and beside the loads themselves, never instead of
// them: a good-looking loss can hide a bad load.
import { useMemo } from "react";
import { chosenRow, useChosen } from "../chosen.ts";
import type { HistoryMeasure } from "../historyLine.ts";
import { LayerTime } from "../LayerTime.tsx";
import { MetricChart } from "../MetricChart.tsx";
import { PanelGrid, type PanelItem } from "../PanelGrid.tsx";
import { RoutingBar, usePickedRun } from "../RoutingBar.tsx";
import { overload } from "../routingFacts.ts";
import { LayerHeatmap } from "../routing/LayerHeatmap.tsx";
import { useHistories, useRouting } from "../useLive.ts";
import { ImportanceScatter } from "./ImportanceScatter.tsx";
import { LayerTable } from "./LayerTable.tsx";
import type { PanelProps } from "../panelProps.ts";

const overloadOf: HistoryMeasure = (step) => overload(step.load);

export function BalancePanel({ runIds, primary }: PanelProps) {
  const picked = usePickedRun(runIds, primary);
  const view = useRouting(picked);
  const { layer } = useChosen();
  const at = chosenRow(view.rows, layer);
  const experts = Math.max(1, ...view.rows.map((row) => row.experts));
  const histories = useHistories(picked, view.rows, experts);
  const items = useMemo((): PanelItem[] => [
    { id: "loss", columns: 4, content: <MetricChart runIds={runIds} names={["loss"]} height={190} /> },
    { id: "auxiliary-loss", columns: 4, content: <MetricChart runIds={runIds} names={["auxiliaryLoss"]} height={190} /> },
    { id: "load", columns: 4, content: <LayerHeatmap view={view} height={230} choice={false} /> },
    { id: "overload", columns: 6, content: (
      <LayerTime runId={picked} title="Overload by layer" label="overload" unit="× mean load" scale="overload" height={200} histories={histories} measure={overloadOf} state={view.state}
        definition="Max load ÷ mean load of each layer at each recorded step. 1 is perfect balance; maximal violation is overload − 1." />) },
    { id: "dead", columns: 6, content: <MetricChart runIds={runIds} names={["deadExperts"]} height={200} /> },
    { id: "importance", columns: 5, content: <ImportanceScatter view={view} row={at < 0 ? null : view.rows[at]!} height={260} /> },
    { id: "layers", columns: 7, content: <LayerTable view={view} /> },
    { id: "overload-runs", columns: 12, content: <MetricChart runIds={runIds} names={["overload"]} title="Overload of the worst layer" height={140} /> },
  ], [runIds, view, histories, picked, at]);
  return <PanelGrid panel="balance" bar={<RoutingBar runIds={runIds} picked={picked} view={view} />} items={items} />;
}
