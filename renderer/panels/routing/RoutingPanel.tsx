// Where the router sends the tokens: load by layer and expert at a step, one layer over time, and how sure the router is.
import { useMemo } from "react";
import { METRICS } from "../../../contract/metrics.ts";
import { useChosen, chosenRow } from "../chosen.ts";
import type { HistoryMeasure } from "../historyLine.ts";
import { LayerTime } from "../LayerTime.tsx";
import { PanelGrid, type PanelItem } from "../PanelGrid.tsx";
import { RoutingBar, usePickedRun } from "../RoutingBar.tsx";
import { ExpertTimeHeatmap } from "../TimeHeatmaps.tsx";
import { choicesPerToken, expertsPerToken } from "../routingFacts.ts";
import { useHistories, useRouting } from "../useLive.ts";
import { LayerHeatmap } from "./LayerHeatmap.tsx";
import type { PanelProps } from "../panelProps.ts";

const entropy: HistoryMeasure = (step) => step.entropy;
const perToken: HistoryMeasure = (step) => expertsPerToken(step);
const confidence: HistoryMeasure = (step) => step.confidence;

export function RoutingPanel({ runIds, primary }: PanelProps) {
  const picked = usePickedRun(runIds, primary);
  const view = useRouting(picked);
  const { layer } = useChosen();
  const at = chosenRow(view.rows, layer);
  const experts = Math.max(1, ...view.rows.map((row) => row.experts));
  const own = useHistories(picked, at < 0 ? [] : [view.rows[at]!], experts);
  const all = useHistories(picked, view.rows, experts);
  // Where each token chose one expert this would repeat what was dropped.
  const several = view.rows.some((row) => choicesPerToken(row) > 1 || expertsPerToken(row) > 1);
  const items = useMemo((): PanelItem[] => [
    { id: "load", columns: 12, content: <LayerHeatmap view={view} height={360} choice /> },
    { id: "experts-over-time", columns: 12, content: <ExpertTimeHeatmap history={own[0] ?? null} state={view.state} height={300} /> },
    { id: "entropy", columns: 6, content: (
      <LayerTime runId={picked} title="Router entropy by layer" label="router entropy" unit="nats" scale="measure" height={200} histories={all} measure={entropy} state={view.state}
        definition={`Mean over tokens of −Σ p log p of the router's probabilities in each layer; ln ${experts} = ${Math.log(experts).toFixed(3)} is a router that can't decide.`} />) },
    { id: "confidence", columns: 6, content: (
      <LayerTime runId={picked} title="Router confidence by layer" label="router confidence" unit="probability" scale="probability" height={200} histories={all} measure={confidence} state={view.state}
        definition={`${METRICS.routerConfidence.definition} Per layer; 1 ÷ ${experts} is a router that can't decide.`} />) },
    ...(several ? [{ id: "experts-per-token", columns: 12 as const, content: (
      <LayerTime runId={picked} title="Experts a token by layer" label="experts a token" unit="experts" scale="measure" height={200} histories={all} measure={perToken} state={view.state}
        definition="Rows that experts computed ÷ tokens routed, in each layer at each recorded step: how many experts a token met, on average." />) }] : []),
  ], [view, own, all, picked, experts, several]);
  return <PanelGrid panel="routing" bar={<RoutingBar runIds={runIds} picked={picked} view={view} />} items={items} />;
}
