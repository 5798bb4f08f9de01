// The axes of a line chart as Chart.js options.
import { Chart, LinearScale, LogarithmicScale, type ChartConfiguration, type Scale } from "chart.js";
import { byteTicks, logTicks, roundTicks } from "./axisTicks.ts";
import { axisTitle, bareQuantity, duration, isShare, shortNumber } from "./quantity.ts";
import type { ChartTheme } from "./theme.ts";

Chart.register(LinearScale, LogarithmicScale);

const X_TITLES = { step: "step", tokens: "tokens", time: "training time" } as const;

/** A chart without animation or events of its own; the axes come with `applyAxes`. */
export const configuration = (): ChartConfiguration => ({
  type: "bucketLine" as never,
  data: { datasets: [] },
  options: {
    animation: false, parsing: false, normalized: true, responsive: true, maintainAspectRatio: false, events: [],
    resizeDelay: 0, layout: { padding: { top: 4, right: 8 } },
    scales: { x: { type: "linear", axis: "x" }, y: { type: "linear", axis: "y" } },
  },
});

export interface Axes { axis: "step" | "tokens" | "time"; logX: boolean; logY: boolean; range: { from: number; to: number } | null; label: string; unit: string; fromZero: boolean; short: boolean }

/** Sets both axes of the chart; takes effect at its next update. */
export function applyAxes(chart: Chart, theme: ChartTheme, axes: Axes): void {
  const font = { family: theme.font, size: 11 };
  const shared = { grid: { color: theme.grid, drawTicks: false, lineWidth: 1 }, border: { display: false } };
  const ticks = { color: theme.mutedText, font, padding: 6, maxRotation: 0, autoSkipPadding: 20 };
  // On the step axis a zoom shows exactly the steps that were asked for; on the others, what the rows of those steps span.
  const limits = axes.axis === "step" && axes.range && !axes.logX ? { min: axes.range.from, max: axes.range.to } : {};
  chart.options.scales = {
    x: {
      ...shared, axis: "x", type: axes.logX ? "logarithmic" : "linear", bounds: "data", ...limits,
      title: { display: true, text: X_TITLES[axes.axis], color: theme.mutedText, font, padding: { top: 0, bottom: 0 } },
      ticks: { ...ticks, callback: (value) => xTick(axes.axis, Number(value)) },
      // The axis ends where the data ends, with marks at round numbers all the same.
      afterBuildTicks: (scale: Scale) => { scale.ticks = (axes.logX ? logTicks : roundTicks)(axes.axis, scale.min, scale.max).map((value) => ({ value })); },
    },
    y: {
      ...shared, axis: "y", type: axes.logY ? "logarithmic" : "linear", beginAtZero: axes.fromZero && !axes.logY,
      // A low chart has no room for the name as well, which its title says already.
      title: { display: !axes.short || axes.unit !== "", text: axes.short ? (isShare(axes.unit) ? `% ${axes.unit}` : axes.unit) : axisTitle(axes.label, axes.unit), color: theme.mutedText, font, padding: 2 },
      ticks: { ...ticks, maxTicksLimit: 6, precision: axes.unit === "experts" ? 0 : undefined, callback: (value) => bareQuantity(Number(value), axes.unit) },
      ...(axes.unit === "bytes" && !axes.logY ? { afterBuildTicks: (scale: Scale) => { scale.ticks = byteTicks(scale.min, scale.max).map((value) => ({ value })); } } : {}),
      ...(axes.logY ? { bounds: "data", afterBuildTicks: (scale: Scale) => { scale.ticks = logTicks("step", scale.min, scale.max).map((value) => ({ value })); } } : {}),
    },
  } as NonNullable<Chart["options"]["scales"]>;
}

const xTick = (axis: Axes["axis"], value: number): string =>
  axis === "time" ? duration(value) : Number.isInteger(value) || axis === "tokens" ? shortNumber(value) : "";
