// Points or short curves over a quantity that is not time: importance against load, dropped tokens against capacity factor.
import { Chart, LineElement, PointElement, ScatterController, LinearScale, type Plugin } from "chart.js";
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { chartPicture } from "./download.ts";
import { Figure, type FigureState } from "./Figure.tsx";
import { drawNever, drawSoon } from "./frame.ts";
import { ChartTip } from "./LineChart.tsx";
import type { DataTable } from "./table.ts";
import { useChartTheme, type ChartTheme } from "./theme.ts";

Chart.register(ScatterController, PointElement, LineElement, LinearScale);

export interface XYPoint { x: number; y: number; name: string; values: readonly (readonly [name: string, value: string])[] }
export interface XYSeries {
  key: string;
  name: string;
  colour: string;
  /** Joined by a line of this width; 0 for points alone. */
  lineWidth: number;
  dash?: readonly number[];
  radius: number;
  points: readonly XYPoint[];
  /** In the legend and the saved picture. */
  listed: boolean;
}
export interface XYAxis { title: string; tick: (value: number) => string; min?: number; max?: number }
export interface XYMark { x: number; label: string; /** The side of the line that the label stands on. */ side?: "left" | "right"; colour: string; dash: readonly number[] }

export interface XYChartProps {
  title: string;
  definition: string;
  summary: string;
  state: FigureState;
  series: readonly XYSeries[];
  x: XYAxis;
  y: XYAxis;
  marks?: readonly XYMark[];
  /** A line through x = y, with what it means. */
  diagonal?: string;
  height?: number;
  controls?: ReactNode;
  table?: () => DataTable;
  onSelect?: (point: XYPoint, series: XYSeries, index: number) => void;
  children?: ReactNode;
}

interface Cursor { series: number; index: number }

export function XYChart(props: XYChartProps) {
  const { series, x, y, marks, diagonal, state, height = 220 } = props;
  const theme = useChartTheme();
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const chartRef = useRef<Chart | null>(null);
  const latest = useRef({ marks, diagonal, theme, cursor: null as Cursor | null });
  const [cursor, setCursor] = useState<Cursor | null>(null);
  latest.current = { marks, diagonal, theme, cursor };

  useEffect(() => {
    const chart = new Chart(canvasRef.current!, {
      type: "scatter", data: { datasets: [] }, plugins: [marksPlugin(() => latest.current)],
      options: { animation: false, parsing: false, normalized: true, responsive: true, maintainAspectRatio: false, events: [], layout: { padding: { top: 14, right: 10 } } },
    });
    chartRef.current = chart;
    return () => {
      chart.destroy();
      chartRef.current = null;
    };
  }, []);

  useEffect(() => {
    const chart = chartRef.current!;
    const draw = () => {
      chart.data.datasets = series.map((one) => ({
        label: one.name, data: one.points.map(({ x: px, y: py }) => ({ x: px, y: py })), borderColor: one.colour, backgroundColor: one.colour, showLine: one.lineWidth > 0,
        borderWidth: one.lineWidth, borderDash: [...(one.dash ?? [])], pointRadius: one.radius, pointBorderWidth: 0, clip: 6,
      }));
      const font = { family: theme.font, size: 11 };
      const axis = (side: XYAxis, name: "x" | "y") => ({
        type: "linear" as const, axis: name, min: side.min, max: side.max, grid: { color: theme.grid, drawTicks: false }, border: { display: false },
        title: { display: true, text: side.title, color: theme.mutedText, font, padding: 2 },
        ticks: { color: theme.mutedText, font, padding: 6, maxTicksLimit: 7, maxRotation: 0, callback: (value: string | number) => side.tick(Number(value)) },
      });
      chart.options.scales = { x: axis(x, "x"), y: axis(y, "y") };
      chart.update("none");
    };
    drawSoon(draw);
    return () => drawNever(draw);
  }, [series, x, y, marks, diagonal, theme]);
  useEffect(() => { chartRef.current?.draw(); }, [cursor]);

  const pixels = (at: Cursor): { x: number; y: number } | null => {
    const point = series[at.series]?.points[at.index];
    const scales = chartRef.current?.scales;
    return point && scales?.x && scales.y ? { x: scales.x.getPixelForValue(point.x), y: scales.y.getPixelForValue(point.y) } : null;
  };
  const nearest = (event: PointerEvent | React.MouseEvent): Cursor | null => {
    const box = canvasRef.current!.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best: Cursor | null = null;
    let distance = 24 ** 2;
    series.forEach((one, s) => one.points.forEach((_, index) => {
      const at = pixels({ series: s, index })!;
      const d = (at.x - px) ** 2 + (at.y - py) ** 2;
      if (d <= distance) {
        distance = d;
        best = { series: s, index };
      }
    }));
    return best;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || series.length === 0) return;
    const at = cursor ?? { series: Math.max(0, series.findIndex((one) => one.listed)), index: -1 };
    const size = series[at.series]?.points.length ?? 0;
    if (event.key === "ArrowRight") setCursor({ ...at, index: Math.min(size - 1, at.index + 1) });
    else if (event.key === "ArrowLeft") setCursor({ ...at, index: Math.max(0, at.index - 1) });
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = (at.series + (event.key === "ArrowDown" ? 1 : series.length - 1)) % series.length;
      setCursor({ series: next, index: Math.max(0, Math.min(at.index, series[next]!.points.length - 1)) });
    } else if (event.key === "Enter" && cursor) props.onSelect?.(series[at.series]!.points[at.index]!, series[at.series]!, at.index);
    else if (event.key === "Escape" && cursor) setCursor(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const shown = cursor ? series[cursor.series]?.points[cursor.index] : undefined;
  const place = cursor && shown ? pixels(cursor) : null;
  return (
    <Figure title={props.title} definition={props.definition} summary={props.summary} state={state} controls={props.controls} table={props.table}
      picture={() => ({ title: props.title, summary: props.summary, legend: series.filter((one) => one.listed), canvases: [chartPicture(chartRef.current!)] })}>
      <div className="plot" style={{ "--plot-height": `${height}px` } as React.CSSProperties} hidden={state.kind !== "ready"} tabIndex={state.kind === "ready" ? 0 : -1} role="group" aria-roledescription="chart"
        aria-label={`${props.title}. ${props.summary}. Arrow keys move from point to point.`}
        onPointerMove={(event) => { const at = nearest(event); setCursor((old) => (old?.series === at?.series && old?.index === at?.index ? old : at)); }}
        onPointerLeave={() => setCursor(null)} onBlur={() => setCursor(null)} onKeyDown={onKeyDown}
        onClick={(event) => { const at = nearest(event); if (at) props.onSelect?.(series[at.series]!.points[at.index]!, series[at.series]!, at.index); }}>
        <canvas ref={canvasRef} aria-hidden="true" />
        {shown && place && (
          <ChartTip x={place.x} y={place.y} plot={canvasRef.current!}>
            <div className="tip-head">{shown.name}</div>
            <table className="tip-rows"><tbody>{shown.values.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td className="tip-value">{value}</td></tr>)}</tbody></table>
            <div className="tip-note">{props.definition}</div>
          </ChartTip>
        )}
        <span className="visually-hidden" role="status">{shown ? `${shown.name}: ${shown.values.map(([name, value]) => `${name} ${value}`).join(", ")}` : ""}</span>
      </div>
      {state.kind === "ready" && props.children}
    </Figure>
  );
}

/** Vertical marks with their words, the diagonal, and a ring around the point under the cursor. */
function marksPlugin(latest: () => { marks?: readonly XYMark[]; diagonal?: string; theme: ChartTheme; cursor: Cursor | null }): Plugin {
  return {
    id: "marks",
    beforeDatasetsDraw({ ctx, scales: { x, y } }) {
      const { diagonal, theme } = latest();
      if (!diagonal || !x || !y) return;
      const low = Math.max(x.min, y.min);
      const high = Math.min(x.max, y.max);
      ctx.save();
      ctx.strokeStyle = theme.mutedText;
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      ctx.moveTo(x.getPixelForValue(low), y.getPixelForValue(low));
      ctx.lineTo(x.getPixelForValue(high), y.getPixelForValue(high));
      ctx.stroke();
      ctx.font = `11px ${theme.font}`;
      ctx.fillStyle = theme.mutedText;
      ctx.textAlign = "right";
      const near = low + 0.9 * (high - low);
      ctx.fillText(diagonal, x.getPixelForValue(near) - 6, y.getPixelForValue(near) - 2);
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const { ctx, chartArea: area, scales: { x } } = chart;
      const { marks, theme, cursor } = latest();
      ctx.save();
      ctx.font = `11px ${theme.font}`;
      for (const mark of marks ?? []) {
        if (!x) break;
        const px = Math.round(x.getPixelForValue(mark.x)) + 0.5;
        if (px < area.left || px > area.right + 1) continue;
        ctx.strokeStyle = mark.colour;
        ctx.setLineDash(mark.dash as number[]);
        ctx.beginPath();
        ctx.moveTo(px, area.top);
        ctx.lineTo(px, area.bottom);
        ctx.stroke();
        ctx.setLineDash([]);
        const half = ctx.measureText(mark.label).width / 2;
        ctx.fillStyle = mark.colour;
        ctx.textAlign = "center";
        ctx.textBaseline = "bottom";
        const centre = mark.side === "left" ? px - half + 3 : mark.side === "right" ? px + half - 3 : px;
        ctx.fillText(mark.label, Math.min(area.right - half, Math.max(area.left + half, centre)), area.top - 2);
      }
      const point = cursor ? chart.getDatasetMeta(cursor.series)?.data[cursor.index] : undefined;
      if (point) {
        ctx.strokeStyle = theme.text;
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        ctx.arc(point.x, point.y, 6, 0, 2 * Math.PI);
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}
