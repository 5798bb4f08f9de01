// Stacked bars, one a category: what became of the tokens of each layer.
import { BarController, BarElement, CategoryScale, Chart, LinearScale } from "chart.js";
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { chartPicture } from "./download.ts";
import { Figure, type FigureState } from "./Figure.tsx";
import { drawNever, drawSoon } from "./frame.ts";
import { ChartTip } from "./LineChart.tsx";
import type { DataTable } from "./table.ts";
import { useChartTheme } from "./theme.ts";

Chart.register(BarController, BarElement, CategoryScale, LinearScale);

export interface BarPart { key: string; name: string; colour: string; /** Outlined rather than filled: places, not tokens. */ hollow?: boolean; values: readonly number[] }
export interface BarsProps {
  title: string;
  definition: string;
  summary: string;
  state: FigureState;
  categories: readonly string[];
  /** Long names of the categories, for hover and screen readers. */
  names: readonly string[];
  categoryTitle: string;
  valueTitle: string;
  tick: (value: number) => string;
  parts: readonly BarPart[];
  /** What hover says of a category. */
  describe: (index: number) => readonly (readonly [name: string, value: string])[];
  selected: number | null;
  onSelect?: (index: number) => void;
  height?: number;
  controls?: ReactNode;
  table?: () => DataTable;
}

export function Bars(props: BarsProps) {
  const { categories, parts, state, height = 220 } = props;
  const theme = useChartTheme();
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const chartRef = useRef<Chart | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);

  useEffect(() => {
    const chart = new Chart(canvasRef.current!, {
      type: "bar", data: { labels: [], datasets: [] },
      options: { animation: false, responsive: true, maintainAspectRatio: false, events: [], layout: { padding: { top: 6, right: 8 } } },
    });
    chartRef.current = chart as unknown as Chart;
    return () => {
      chart.destroy();
      chartRef.current = null;
    };
  }, []);
  useEffect(() => {
    const chart = chartRef.current!;
    const draw = () => {
      const font = { family: theme.font, size: 11 };
      chart.data.labels = [...categories];
      chart.data.datasets = parts.map((part) => ({
        type: "bar", label: part.name, data: [...part.values], stack: "all", maxBarThickness: 40, categoryPercentage: 0.9, barPercentage: 0.9,
        backgroundColor: part.hollow ? "transparent" : part.colour, borderColor: part.colour, borderWidth: part.hollow ? 1 : 0, borderSkipped: false,
      }));
      chart.options.scales = {
        x: {
          stacked: true, grid: { display: false }, border: { color: theme.grid }, title: { display: true, text: props.categoryTitle, color: theme.mutedText, font, padding: 2 },
          ticks: { color: (tick) => (tick.index === props.selected ? theme.accent : theme.mutedText), font, maxRotation: 0, autoSkipPadding: 8 },
        },
        y: {
          stacked: true, grid: { color: theme.grid, drawTicks: false }, border: { display: false }, beginAtZero: true, title: { display: true, text: props.valueTitle, color: theme.mutedText, font, padding: 2 },
          ticks: { color: theme.mutedText, font, padding: 6, maxTicksLimit: 6, callback: (value) => props.tick(Number(value)) },
        },
      };
      chart.update("none");
    };
    drawSoon(draw);
    return () => drawNever(draw);
  }, [categories, parts, theme, props.categoryTitle, props.valueTitle, props.selected]);

  const under = (event: PointerEvent | React.MouseEvent): number | null => {
    const scale = chartRef.current?.scales.x;
    if (!scale || categories.length === 0) return null;
    const px = event.clientX - canvasRef.current!.getBoundingClientRect().left;
    return px < scale.left || px > scale.right ? null : Math.min(categories.length - 1, Math.max(0, Number(scale.getValueForPixel(px))));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || categories.length === 0) return;
    const at = cursor ?? props.selected ?? 0;
    if (event.key === "ArrowRight") setCursor(cursor === null ? at : Math.min(categories.length - 1, at + 1));
    else if (event.key === "ArrowLeft") setCursor(cursor === null ? at : Math.max(0, at - 1));
    else if ((event.key === "Enter" || event.key === " ") && cursor !== null) props.onSelect?.(cursor);
    else if (event.key === "Escape" && cursor !== null) setCursor(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const described = cursor !== null && cursor < categories.length ? props.describe(cursor) : null;
  const scales = chartRef.current?.scales;
  return (
    <Figure title={props.title} definition={props.definition} summary={props.summary} state={state} controls={props.controls} table={props.table}
      picture={() => ({ title: props.title, summary: props.summary, legend: parts, canvases: [chartPicture(chartRef.current!)] })}>
      <div className="plot" style={{ "--plot-height": `${height}px` } as React.CSSProperties} hidden={state.kind !== "ready"} tabIndex={state.kind === "ready" ? 0 : -1} role="group" aria-roledescription="bar chart"
        aria-label={`${props.title}. ${props.summary}. Arrow keys move from bar to bar${props.onSelect ? ", Enter selects" : ""}.`}
        onPointerMove={(event) => setCursor(under(event))} onPointerLeave={() => setCursor(null)} onBlur={() => setCursor(null)} onKeyDown={onKeyDown}
        onClick={(event) => { const at = under(event); if (at !== null) props.onSelect?.(at); }}>
        <canvas ref={canvasRef} aria-hidden="true" />
        {described && cursor !== null && scales?.x && (
          <ChartTip x={scales.x.getPixelForValue(cursor)} y={30} plot={canvasRef.current!}>
            <div className="tip-head">{props.names[cursor]}</div>
            <table className="tip-rows"><tbody>{described.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td className="tip-value">{value}</td></tr>)}</tbody></table>
            <div className="tip-note">{props.definition}</div>
          </ChartTip>
        )}
        <span className="visually-hidden" role="status">{described && cursor !== null ? `${props.names[cursor]}: ${described.map(([name, value]) => `${name} ${value}`).join(", ")}` : ""}</span>
      </div>
      {state.kind === "ready" && (
        <ul className="legend">{parts.map((part) => (
          <li key={part.key}><svg width="12" height="12" aria-hidden="true"><rect x="1" y="1" width="10" height="10" fill={part.hollow ? "none" : part.colour} stroke={part.colour} /></svg>{part.name}</li>
        ))}</ul>
      )}
    </Figure>
  );
}
