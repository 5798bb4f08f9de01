// One number of every layer over time: lines while they can be told apart, a heatmap beyond.
import { useCallback } from "react";
import { LineChart } from "../charts/LineChart.tsx";
import { useChartTheme } from "../charts/theme.ts";
import { layerLabel } from "./routingFacts.ts";
import { LayerTimeHeatmap, type LayerTimeProps } from "./TimeHeatmaps.tsx";
import { useHistoryLines } from "./useLive.ts";

/** More lines than this can't be told apart. */
const MOST_LINES = 8;
const DECODER_DASH = [5, 3];
const SOLID: number[] = [];

export function LayerTime(props: LayerTimeProps & { runId: string }) {
  const { histories, runId, measure } = props;
  const theme = useChartTheme();
  const style = useCallback((index: number) => {
    const { layer } = histories[index]!;
    return { name: layerLabel(layer), colour: theme.runs[index % theme.runs.length]!, dash: layer.stack === "decoder" ? DECODER_DASH : SOLID };
  }, [histories, theme]);
  const lines = useHistoryLines(runId, histories, measure, style);
  if (props.state.kind !== "ready" || histories.length > MOST_LINES) return <LayerTimeHeatmap {...props} />;
  return <LineChart title={props.title} label={props.label} unit={props.unit} definition={props.definition} lines={lines} noun="layer" height={props.height} controls={props.controls} linearY />;
}
