// A metric over time, one line a run.
import { metricDefinition, targetOf } from "../../contract/metrics.ts";
import { LineChart, type LineChartProps } from "../charts/LineChart.tsx";
import { useChartTheme } from "../charts/theme.ts";
import { useLiveRun, useMetricLines } from "./useLive.ts";

/** Metrics whose 0 is a normal value, which a logarithmic axis can't show. */
const FROM_ZERO = new Set(["droppedFraction", "paddingFraction", "evaluation.droppedFraction", "tokensPerSecond", "deadExperts", "expertsPerToken", "sparsity", "evaluation.accuracy", "evaluation.exactMatch"]);

export interface MetricChartProps {
  runIds: readonly string[];
  /** The first gives label, unit and definition; others are drawn as dots. */
  names: readonly string[];
  title?: string;
  height?: number;
  controls?: LineChartProps["controls"];
}

export function MetricChart({ runIds, names, title, height, controls }: MetricChartProps) {
  const { lines, retry } = useMetricLines(runIds, names);
  const theme = useChartTheme();
  const name = names[0]!;
  // One axis has one unit, that of the first run.
  const target = targetOf(useLiveRun(runIds[0]!).detail?.spec);
  const { label, unit, definition } = metricDefinition(name, target);
  // Dropped tokens are red; with several runs the colours must tell the runs apart.
  const red = name === "droppedFraction" && runIds.length === 1;
  return (
    <LineChart title={title ?? capitalised(label)} label={label} unit={unit} definition={definition} noun="run" height={height} retry={retry} controls={controls}
      lines={red ? redLines(lines, theme.droppedLine) : lines} fromZero={FROM_ZERO.has(name)} linearY={FROM_ZERO.has(name)} />
  );
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

// The same array for the same lines, so that the chart isn't set up again at each render.
const reds = new WeakMap<readonly object[], { colour: string; lines: ReturnType<typeof useMetricLines>["lines"] }>();
function redLines(lines: ReturnType<typeof useMetricLines>["lines"], colour: string): ReturnType<typeof useMetricLines>["lines"] {
  const known = reds.get(lines);
  if (known?.colour === colour) return known.lines;
  const made = lines.map((line) => ({ ...line, colour }));
  reds.set(lines, { colour, lines: made });
  return made;
}
