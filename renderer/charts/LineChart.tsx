// Lines over steps, tokens or time: several runs overlaid, live, with bands, a crosshair shared by all charts, zoom by
// dragging and a keyboard cursor. Chart.js draws axes and lines; a second canvas above draws what follows the pointer.
import { Chart } from "chart.js";
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type PointerEvent } from "react";
import { nearestIndex } from "./bucketSeries.ts";
import "./bucketLine.ts";
import type { BucketLineDataset } from "./bucketLine.ts";
import { CrosshairLayer } from "./crosshair.ts";
import { Figure } from "./Figure.tsx";
import { drawLive, drawNever, drawSoon } from "./frame.ts";
import { chartPicture } from "./download.ts";
import { leadLine, linesTable, rangeOfX, stepAtX, toldApart, type Line } from "./lineData.ts";
import { useChartLinks } from "./links.ts";
import { applyAxes, configuration } from "./lineAxes.ts";
import { useLineState } from "./lineState.ts";
import { tipPlace, tipRows, tipSentence } from "./lineTip.ts";
import { shortName } from "./summary.ts";
import { useChartTheme } from "./theme.ts";
import { zoomed } from "./zoom.ts";

export interface LineChartProps {
  title: string;
  /** What is measured, as in contract/metrics.ts. */
  label: string;
  unit: string;
  definition: string;
  lines: readonly Line[];
  /** What one line is, for the summary: "run", "layer". */
  noun: string;
  /** CSS pixels of the plot in the grid; a maximised figure takes what there is. */
  height?: number;
  /** Keeps the axis from starting above zero. */
  fromZero?: boolean;
  /** Not affected by the view's logarithmic y axis: values of 0 are normal here. */
  linearY?: boolean;
  controls?: React.ReactNode;
  retry?: () => void;
}

/** Beyond this many lines they are thin and without bands, which would cover each other. */
const MOST_WIDE_LINES = 8;

export function LineChart(props: LineChartProps) {
  const { title, label, unit, definition, lines, height = 220, fromZero = false, linearY = false } = props;
  const links = useChartLinks();
  const theme = useChartTheme();
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const overlayRef = useRef<HTMLCanvasElement>(null);
  const chartRef = useRef<Chart | null>(null);
  const layerRef = useRef<CrosshairLayer | null>(null);
  /** Of the newest press of the pointer: whether it became a drag, and the step shown before, which a double-click brings back. */
  const press = useRef({ dragged: false, step: null as number | null });
  const [tip, setTip] = useState<{ step: number; x: number; y: number } | null>(null);
  const [spoken, setSpoken] = useState("");
  const logY = links.logY && !linearY;
  const latest = useRef({ lines, links, theme });
  latest.current = { lines, links, theme };

  const { state, summary, absent } = useLineState(props);
  const named = useMemo(() => toldApart(lines, label), [lines, label]);

  const draw = useCallback(() => {
    chartRef.current?.update("none");
  }, []);

  // One Chart for the life of the figure.
  useEffect(() => {
    // The layer above follows every draw of the chart, those after a change of size included.
    const follow = { id: "crosshair", afterDraw: () => layerRef.current?.draw() };
    const chart = new Chart(canvasRef.current!, { ...configuration(), plugins: [follow] } as never);
    chartRef.current = chart;
    const layer = new CrosshairLayer(chart, overlayRef.current!, () => latest.current);
    layerRef.current = layer;
    const drawLayer = () => layer.draw();
    const stopHover = latest.current.links.hover.subscribe(() => drawSoon(drawLayer));
    return () => {
      stopHover();
      drawNever(drawLayer);
      drawNever(draw);
      chart.destroy();
      chartRef.current = null;
      layerRef.current = null;
    };
  }, [draw]);

  useEffect(() => {
    const chart = chartRef.current;
    if (!chart) return;
    chart.data.datasets = lines.map((line): BucketLineDataset => ({
      type: "bucketLine", label: line.name, data: [], clip: false, source: line.source, axis: links.axis, colour: line.colour, dash: line.dash,
      smoothing: links.smoothing, dots: line.dots ?? false, // A line of one pixel costs a tenth of a wider one to fill, and many thin lines read better than many thick ones.
      lineWidth: lines.length > MOST_WIDE_LINES ? 1 : 1.75, band: lines.length <= MOST_WIDE_LINES,
    })) as never;
    applyAxes(chart, theme, { axis: links.axis, logX: links.logX, logY, range: links.range, label, unit, fromZero, short: height < 200 });
    drawSoon(draw);
    const stops = lines.map((line) => line.source.subscribe(() => drawLive(draw)));
    return () => stops.forEach((stop) => stop());
  }, [lines, links.axis, links.logX, logY, links.smoothing, links.range, theme, label, unit, fromZero, height, draw]);

  useEffect(() => { layerRef.current?.draw(); }, [links.step]);

  const stepUnder = (event: { clientX: number }): number | null => {
    const chart = chartRef.current;
    if (!chart?.scales.x) return null;
    const box = chart.canvas.getBoundingClientRect();
    return stepAtX(lines, links.axis, chart.scales.x.getValueForPixel(event.clientX - box.left)!);
  };
  const localX = (event: { clientX: number }): number => event.clientX - canvasRef.current!.getBoundingClientRect().left;

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0 || state.kind !== "ready") return;
    event.currentTarget.setPointerCapture(event.pointerId);
    press.current.dragged = false;
    layerRef.current!.selection = { from: localX(event), to: localX(event) };
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (state.kind !== "ready") return;
    const layer = layerRef.current!;
    if (layer.selection) {
      layer.selection.to = localX(event);
      layer.draw();
    }
    const step = stepUnder(event);
    links.hover.set(step);
    const box = event.currentTarget.getBoundingClientRect();
    setTip(step === null ? null : { step, x: event.clientX - box.left, y: event.clientY - box.top });
  };
  const onPointerUp = () => {
    const { selection } = layerRef.current!;
    endSelection();
    if (!selection || Math.abs(selection.to - selection.from) <= 6) return;
    press.current.dragged = true;
    const scale = chartRef.current!.scales.x!;
    const range = rangeOfX(lines, links.axis, scale.getValueForPixel(selection.from)!, scale.getValueForPixel(selection.to)!);
    if (range) links.zoom(range);
  };
  const endSelection = () => {
    layerRef.current!.selection = null;
    layerRef.current!.draw();
  };
  const onClick = (event: MouseEvent<HTMLDivElement>) => {
    const step = stepUnder(event);
    if (press.current.dragged || event.detail > 1 || step === null || state.kind !== "ready") return;
    press.current.step = links.step;
    links.scrub(step);
  };
  const onDoubleClick = () => {
    links.scrub(press.current.step);
    links.zoom(null);
  };
  const leave = () => {
    links.hover.set(null);
    setTip(null);
  };

  const moveCursor = (step: number) => {
    links.hover.set(step);
    const at = layerRef.current?.pixelOfStep(step) ?? null;
    setTip(at === null ? null : { step, x: at, y: 24 });
    setSpoken(tipSentence(tipRows(named, step, unit), step));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(leaveByKey(event.key) || moveByKey(event))) return;
    event.preventDefault();
    event.stopPropagation();
  };
  /** What works while values are on their way, too. Returns whether the key meant anything. */
  const leaveByKey = (key: string): boolean => {
    if (key === "0") links.zoom(null);
    else if (key !== "Escape") return false;
    else if (layerRef.current!.selection) {
      press.current.dragged = true;
      endSelection();
    } else if (links.hover.get() !== null) leave();
    else if (links.range) links.zoom(null);
    else return false;
    return true;
  };
  const moveByKey = ({ key, shiftKey }: KeyboardEvent<HTMLDivElement>): boolean => {
    const lead = leadLine(lines);
    if (!lead) return false;
    const { step, length } = lead.source.columns;
    const last = length - 1;
    const current = links.hover.get() ?? links.step ?? step[last]!;
    const at = nearestIndex(step, length, current);
    const go = (index: number) => moveCursor(step[Math.min(last, Math.max(0, index))]!);
    const zoom = (factor: number) => links.zoom(zoomed(links.range ?? { from: step[0]!, to: step[last]! }, current, factor));
    const stride = shiftKey ? 10 : 1;
    switch (key) {
      case "ArrowLeft": go(at - stride); break;
      case "ArrowRight": go(at + stride); break;
      case "Home": go(0); break;
      case "End": go(last); break;
      case "Enter": links.scrub(current); break;
      case "+": case "=": zoom(0.5); break;
      case "-": zoom(2); break;
      default: return false;
    }
    return true;
  };

  const tipList = tip ? tipRows(named, tip.step, unit) : [];
  return (
    <Figure title={title} definition={definition} summary={summary} state={state} controls={props.controls}
      table={() => linesTable(named, unit)}
      picture={() => ({ title, summary, legend: named.map((line) => ({ name: `${shortName(line.name, 48)}${line.label ? `, ${line.label}` : ""}`, colour: line.colour, dash: line.dash, dots: line.dots })), canvases: [chartPicture(chartRef.current!)] })}>
      <div className="plot" style={{ "--plot-height": `${height}px` } as React.CSSProperties} data-waiting={state.kind !== "ready"} tabIndex={state.kind === "ready" || state.kind === "loading" ? 0 : -1} role="group"
        aria-roledescription="line chart" aria-label={`${title}. ${summary}. Arrow keys move the cursor, Enter shows that step everywhere, plus and minus zoom, 0 shows all.`}
        onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerCancel={endSelection} onPointerLeave={leave}
        onClick={onClick} onDoubleClick={onDoubleClick} onKeyDown={onKeyDown} onBlur={leave}>
        <canvas ref={canvasRef} aria-hidden="true" />
        <canvas ref={overlayRef} className="plot-overlay" aria-hidden="true" />
        {tip && tipList.length > 0 && (
          <ChartTip x={tip.x} y={tip.y} plot={canvasRef.current!}>
            <div className="tip-head">{tipPlace(lines, tip.step)}</div>
            <table className="tip-rows"><tbody>
              {tipList.slice(0, 12).map((row) => (
                <tr key={row.key}><td><span className="swatch" data-dots={row.dots} style={{ "--swatch": row.colour } as React.CSSProperties} /></td><th scope="row"><bdi>{row.name}</bdi></th><td className="tip-value">{row.value}</td><td className="tip-band">{row.note}</td></tr>
              ))}
            </tbody></table>
            {tipList.length > 12 && <div className="tip-note">and {tipList.length - 12} more</div>}
            <div className="tip-note">{definition}</div>
          </ChartTip>
        )}
        <span className="visually-hidden" role="status">{spoken}</span>
      </div>
      {lines.length > 1 && state.kind === "ready" && <Legend lines={named} absent={absent} />}
    </Figure>
  );
}

/** A box beside the pointer that stays inside the window. */
export function ChartTip({ x, y, plot, children }: { x: number; y: number; plot: HTMLElement; children: React.ReactNode }) {
  const box = plot.getBoundingClientRect();
  const toLeft = box.left + x > window.innerWidth - 340;
  const upwards = box.top + y > window.innerHeight - 220;
  return <div className="tip" style={{ left: toLeft ? undefined : x + 14, right: toLeft ? box.width - x + 14 : undefined, top: upwards ? undefined : y + 12, bottom: upwards ? box.height - y + 12 : undefined }}>{children}</div>;
}

function Legend({ lines, absent }: { lines: readonly Line[]; absent: ReadonlySet<string> }) {
  // With many runs their second metric is said once, not for each.
  const few = lines.length <= 4;
  const second = lines.find((line) => line.label);
  return (
    <ul className="legend">
      {lines.filter((line) => !line.label || few).map((line) => (
        <li key={line.key} title={line.name}>
          <svg width="18" height="8" aria-hidden="true"><line x1="0" x2="18" y1="4" y2="4" stroke={line.colour} strokeWidth={line.dots ? 1 : 2} strokeDasharray={line.dash.join(" ")} />{line.dots && <circle cx="9" cy="4" r="3" fill={line.colour} />}</svg>
          <bdi>{line.name}</bdi>{absent.has(line.key) && <span className="legend-label">no values</span>}{line.label && <span className="legend-label">{line.label}</span>}
        </li>
      ))}
      {!few && second && <li className="legend-label">dots: {second.label}</li>}
    </ul>
  );
}
