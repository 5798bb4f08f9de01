// A heatmap on canvas: layers by experts, or experts or layers over steps. Exact to the device pixel, with hover, keyboard
// cursor, selection, the scale beside it, and the frame of every figure around it.
import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { colourScale, type HeatmapScaleName } from "./colourScale.ts";
import { Figure, FigurePlaceContext, type FigureState } from "./Figure.tsx";
import { drawNever, drawSoon } from "./frame.ts";
import { PICTURE_RATIO, type PicturePart } from "./download.ts";
import { cellAt, heatmapLayout, type HeatmapSpace } from "./heatmapLayout.ts";
import { paintHeatmap, paintMarks, paintScale, type HeatmapCells, type ScaleLegend } from "./heatmapPaint.ts";
import { ChartTip } from "./LineChart.tsx";
import { useChartLinks } from "./links.ts";
import { nearestIndex } from "./bucketSeries.ts";
import type { DataTable } from "./table.ts";
import { useChartTheme } from "./theme.ts";
import { useElementWidth, usePixelRatio } from "./size.ts";

export interface CellDescription {
  title: string;
  /** Name and value with unit. */
  values: readonly (readonly [name: string, value: string])[];
}

export interface HeatmapProps {
  title: string;
  definition: string;
  summary: string;
  state: FigureState;
  cells: HeatmapCells;
  scale: HeatmapScaleName;
  low?: number;
  high?: number;
  legend: ScaleLegend;
  /** Words under the columns: "expert", "step". */
  columnTitle: string;
  describe: (row: number, column: number) => CellDescription;
  selected?: { row: number; column: number } | null;
  selectedRow?: number | null;
  onSelect?: (row: number, column: number) => void;
  /** The step of each column: columns then fill the width, share the crosshair, and a click scrubs. */
  steps?: readonly number[];
  /** CSS pixels of the plot in the grid. */
  height?: number;
  controls?: ReactNode;
  table?: () => DataTable;
  children?: ReactNode;
}

const SCALE_WIDTH = 76;
const BOTTOM = 34;
/** CSS pixels of a window in which a heatmap has the height it asks for; a higher one makes it grow. */
const USUAL_WINDOW = 1080;

export function Heatmap(props: HeatmapProps) {
  const { cells, scale: scaleName, low = 0, high = 1, legend, describe, steps, state, selected = null, selectedRow = null, height = 240 } = props;
  const theme = useChartTheme();
  const links = useChartLinks();
  const place = useContext(FigurePlaceContext);
  const ratio = usePixelRatio();
  const [boxRef, boxWidth] = useElementWidth();
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const marksRef = useRef<HTMLCanvasElement>(null);
  const scaleRef = useRef<HTMLCanvasElement>(null);
  const [cursor, setCursor] = useState<{ row: number; column: number } | null>(null);
  const [spoken, setSpoken] = useState("");

  const rows = cells.rowLabels.length;
  const columns = cells.columns.length;
  const growth = Math.max(1, window.innerHeight / USUAL_WINDOW);
  const plotHeight = place?.maximised ? Math.max(240, window.innerHeight - 260) : height * growth;
  const left = useMemo(() => 12 + Math.max(0, ...cells.rowLabels.map((label) => label.length)) * 6.5, [cells.rowLabels]);
  const mode = steps ? "fill" : "cells";
  const space = useMemo((): HeatmapSpace => ({
    rows, columns, width: Math.max(60, boxWidth - SCALE_WIDTH - 16), height: plotHeight, pixelRatio: ratio, growth, left: Math.ceil(left), bottom: BOTTOM, mode,
  }), [rows, columns, boxWidth, plotHeight, ratio, growth, left, mode]);
  const layout = useMemo(() => heatmapLayout(space), [space]);
  const scale = useMemo(() => colourScale(scaleName, theme, low, high), [scaleName, theme, low, high]);

  const ready = state.kind === "ready" && boxWidth > 0;
  useLayoutEffect(() => {
    if (!ready) return;
    const draw = () => {
      paintHeatmap(canvasRef.current!, layout, cells, scale, theme, ratio);
      paintColumnTitle(canvasRef.current!, props.columnTitle, layout.x[0]!, theme.mutedText, theme.font, ratio);
    };
    drawSoon(draw);
    return () => drawNever(draw);
  }, [ready, layout, cells, scale, theme, ratio, props.columnTitle]);
  useLayoutEffect(() => {
    if (!ready) return;
    paintScale(scaleRef.current!, scale, legend, scaleSize(layout.height), theme, ratio);
  }, [ready, scale, legend, layout.height, theme, ratio]);
  useEffect(() => {
    if (!ready) return;
    const draw = () => {
      const hovered = links.hover.get();
      const column = (step: number | null) => (steps && steps.length > 0 && step !== null ? nearestIndex(steps, steps.length, step) : null);
      paintMarks(marksRef.current!, canvasRef.current!, layout, {
        hover: cursor, selected, selectedRow, hoverColumn: cursor ? null : column(hovered), scrubColumn: column(links.step),
      }, theme, ratio);
    };
    drawSoon(draw);
    const stop = links.hover.subscribe(() => drawSoon(draw));
    return () => {
      stop();
      drawNever(draw);
    };
  }, [ready, layout, cursor, selected, selectedRow, links.hover, links.step, steps, theme, ratio, cells]);

  const under = (event: PointerEvent): { row: number; column: number } | null => {
    const box = canvasRef.current!.getBoundingClientRect();
    return cellAt(layout, ratio, event.clientX - box.left, event.clientY - box.top);
  };
  const point = (cell: { row: number; column: number } | null) => {
    setCursor((old) => (old?.row === cell?.row && old?.column === cell?.column ? old : cell));
    if (steps) links.hover.set(cell ? steps[cell.column] ?? null : null);
  };
  const choose = (cell: { row: number; column: number }) => {
    props.onSelect?.(cell.row, cell.column);
    if (steps) links.scrub(steps[cell.column]!);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || rows === 0 || columns === 0) return;
    const start = cursor ?? selected ?? { row: selectedRow ?? 0, column: steps ? columns - 1 : 0 };
    const stride = event.shiftKey ? 10 : 1;
    const moved = {
      ArrowLeft: [0, -stride], ArrowRight: [0, stride], ArrowUp: [-stride, 0], ArrowDown: [stride, 0], Home: [0, -columns], End: [0, columns],
    }[event.key];
    if (moved) {
      const cell = !cursor ? start : {
        row: Math.min(rows - 1, Math.max(0, start.row + moved[0]!)), column: Math.min(columns - 1, Math.max(0, start.column + moved[1]!)),
      };
      point(cell);
      const { title, values } = describe(cell.row, cell.column);
      setSpoken(`${title}: ${values.map(([name, value]) => `${name} ${value}`).join(", ")}`);
    } else if ((event.key === "Enter" || event.key === " ") && cursor) choose(cursor);
    else if (event.key === "Escape" && cursor) point(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const drawPicture = (): PicturePart[] => {
    const fine = heatmapLayout({ ...space, pixelRatio: PICTURE_RATIO });
    const plot = document.createElement("canvas");
    paintHeatmap(plot, fine, cells, scale, theme, PICTURE_RATIO);
    paintColumnTitle(plot, props.columnTitle, fine.x[0]!, theme.mutedText, theme.font, PICTURE_RATIO);
    const bar = document.createElement("canvas");
    const size = scaleSize(fine.height);
    paintScale(bar, scale, legend, size, theme, PICTURE_RATIO);
    return [{ canvas: plot, width: fine.width, height: fine.height }, { canvas: bar, ...size }];
  };

  const described = cursor && cursor.row < rows && cursor.column < columns ? describe(cursor.row, cursor.column) : null;
  return (
    <Figure title={props.title} definition={props.definition} summary={props.summary} state={state} controls={props.controls} table={props.table}
      picture={() => ({ title: props.title, summary: props.summary, legend: [], canvases: drawPicture() })}>
      <div className="heatmap" ref={boxRef} hidden={state.kind !== "ready"}>
        <div className="heatmap-plot" tabIndex={ready ? 0 : -1} role="group" aria-roledescription="heatmap"
          aria-label={`${props.title}. ${props.summary}. Arrow keys move from cell to cell${props.onSelect ? ", Enter selects" : ""}.`}
          onPointerMove={(event) => point(under(event))} onPointerLeave={() => point(null)} onBlur={() => point(null)}
          onClick={(event) => { const cell = under(event as unknown as PointerEvent); if (cell) choose(cell); }} onKeyDown={onKeyDown}>
          <canvas ref={canvasRef} aria-hidden="true" />
          <canvas ref={marksRef} className="plot-overlay" aria-hidden="true" />
          {described && cursor && (
            <ChartTip x={(layout.x[cursor.column + 1]! - layout.gap) / ratio} y={(layout.y[cursor.row + 1]! - layout.gap) / ratio} plot={canvasRef.current!}>
              <div className="tip-head">{described.title}</div>
              <table className="tip-rows"><tbody>{described.values.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td className="tip-value">{value}</td></tr>)}</tbody></table>
              <div className="tip-note">{props.definition}</div>
            </ChartTip>
          )}
          <span className="visually-hidden" role="status">{spoken}</span>
        </div>
        <canvas ref={scaleRef} className="heatmap-scale" role="img" aria-label={`Scale: ${legend.unit}`} />
      </div>
      {state.kind === "ready" && props.children}
    </Figure>
  );
}

const scaleSize = (height: number) => ({ width: SCALE_WIDTH, height: Math.min(220, Math.max(132, height - BOTTOM)) });

function paintColumnTitle(canvas: HTMLCanvasElement, title: string, left: number, colour: string, font: string, ratio: number): void {
  const ctx = canvas.getContext("2d")!;
  ctx.fillStyle = colour;
  ctx.font = `${11 * ratio}px ${font}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.fillText(title, left, canvas.height);
}
