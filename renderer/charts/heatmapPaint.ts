// Draws the cells of a heatmap, its labels and its scale. Only canvas calls, no state: the same code draws the page and
// the saved picture.
import { cssColour, type ColourScale } from "./colourScale.ts";
import { columnTicks, FIRST_ROW_LABEL, type HeatmapLayout } from "./heatmapLayout.ts";
import type { ChartTheme } from "./theme.ts";

export interface HeatmapCells {
  rowLabels: readonly string[];
  /** What each column stands for, growing: an expert's number, or a step. */
  columns: readonly number[];
  /** values[row × columns + column]; NaN where nothing is recorded. */
  values: Float64Array;
  /** 1 where the cell is hatched: a dead expert. Same order; null for none. */
  hatched: Uint8Array | null;
}

/** Diagonal strokes, `size` device pixels apart. */
function hatchPattern(ctx: CanvasRenderingContext2D, size: number, colour: string): CanvasPattern {
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d")!;
  pen.strokeStyle = colour;
  pen.lineWidth = Math.max(1, size / 5);
  pen.beginPath();
  for (const offset of [-size, 0, size]) {
    pen.moveTo(offset, size);
    pen.lineTo(offset + size, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat")!;
}

/** Sizes the canvas to whole device pixels and paints cells and labels. Shown at `pixels ÷ ratio` CSS pixels, so 1:1. */
export function paintHeatmap(canvas: HTMLCanvasElement, layout: HeatmapLayout, cells: HeatmapCells, scale: ColourScale, theme: ChartTheme, ratio: number): void {
  const width = Math.round(layout.width * ratio);
  const height = Math.round(layout.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.style.width = `${width / ratio}px`;
  canvas.style.height = `${height / ratio}px`;
  const ctx = canvas.getContext("2d")!;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, width, height);
  const rows = layout.y.length - 1;
  const columns = layout.x.length - 1;
  const absent = cssColour(theme.absent);
  const { gap } = layout;
  let lastFill = "";
  for (let row = 0; row < rows; row++) {
    const y = layout.y[row]!;
    const h = layout.y[row + 1]! - y - gap;
    for (let column = 0; column < columns; column++) {
      const value = cells.values[row * columns + column]!;
      const fill = Number.isNaN(value) ? absent : cssColour(scale.at(scale.position(value)));
      if (fill !== lastFill) ctx.fillStyle = lastFill = fill;
      const x = layout.x[column]!;
      ctx.fillRect(x, y, layout.x[column + 1]! - x - gap, h);
    }
  }
  if (cells.hatched?.includes(1)) {
    const cellSize = Math.min((layout.x[1]! - layout.x[0]!) || 4, (layout.y[1]! - layout.y[0]!) || 4);
    ctx.fillStyle = hatchPattern(ctx, Math.max(3, Math.min(Math.round(6 * ratio), Math.round(cellSize / 2) || 3)), cssColour(theme.hatch));
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      if (!cells.hatched[row * columns + column]) continue;
      const [x, y] = [layout.x[column]!, layout.y[row]!];
      ctx.fillRect(x, y, layout.x[column + 1]! - x - gap, layout.y[row + 1]! - y - gap);
    }
  }
  paintLabels(ctx, layout, cells, theme, ratio);
}

function paintLabels(ctx: CanvasRenderingContext2D, layout: HeatmapLayout, cells: HeatmapCells, theme: ChartTheme, ratio: number): void {
  ctx.fillStyle = theme.mutedText;
  ctx.font = `${11 * ratio}px ${theme.font}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  cells.rowLabels.forEach((label, row) => {
    if (label === "" || row % layout.rowLabelEvery !== 0) return;
    // The label of a low first row would be cut off at the upper edge.
    ctx.fillText(label, layout.x[0]! - 6 * ratio, Math.max(FIRST_ROW_LABEL * ratio, (layout.y[row]! + layout.y[row + 1]! - layout.gap) / 2));
  });
  const rows = layout.y.length - 1;
  ctx.textBaseline = "top";
  const top = layout.y[rows]! + 4 * ratio;
  let free = -Infinity;
  const written = (number: number): string => number.toLocaleString("en");
  ctx.textAlign = "center";
  for (const { column, number } of columnTicks(layout, cells.columns, ctx.measureText(written(cells.columns.at(-1) ?? 0)).width, ratio)) {
    const middle = (layout.x[column]! + layout.x[column + 1]! - layout.gap) / 2;
    const half = ctx.measureText(written(number)).width / 2;
    // The last label would be cut off by the canvas; moved, it may be too near its neighbour.
    const centre = Math.min(middle, layout.width * ratio - half);
    if (centre - half < free) continue;
    free = centre + half + 4 * ratio;
    ctx.fillText(written(number), centre, top);
  }
}

export interface HeatmapMarks {
  /** A cell with a frame around it. */
  hover: { row: number; column: number } | null;
  selected: { row: number; column: number } | null;
  /** A whole row with a frame around it. */
  selectedRow: number | null;
  /** Columns with a line through them: the shared step, and the step everything shows. */
  hoverColumn: number | null;
  scrubColumn: number | null;
}

/** Frames and lines above the cells, on a canvas of their own. */
export function paintMarks(canvas: HTMLCanvasElement, base: HTMLCanvasElement, layout: HeatmapLayout, marks: HeatmapMarks, theme: ChartTheme, ratio: number): void {
  if (canvas.width !== base.width || canvas.height !== base.height) {
    canvas.width = base.width;
    canvas.height = base.height;
  }
  canvas.style.width = base.style.width;
  canvas.style.height = base.style.height;
  const ctx = canvas.getContext("2d")!;
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  const rows = layout.y.length - 1;
  const columns = layout.x.length - 1;
  const thin = Math.max(1, Math.round(ratio));
  const frame = (left: number, top: number, right: number, bottom: number, weight: number, colour: string) => {
    // A contrasting line outside the frame keeps it visible on any cell colour.
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = weight + 2 * thin;
    ctx.strokeRect(left - weight / 2, top - weight / 2, right - left + weight, bottom - top + weight);
    ctx.strokeStyle = colour;
    ctx.lineWidth = weight;
    ctx.strokeRect(left - weight / 2, top - weight / 2, right - left + weight, bottom - top + weight);
  };
  const column = (index: number, colour: string, dash: number[]) => {
    const x = Math.round((layout.x[index]! + layout.x[index + 1]!) / 2) + 0.5;
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = 3 * thin;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, layout.y[rows]!);
    ctx.stroke();
    ctx.strokeStyle = colour;
    ctx.lineWidth = thin;
    ctx.setLineDash(dash);
    ctx.stroke();
    ctx.setLineDash([]);
  };
  if (marks.scrubColumn !== null && marks.scrubColumn < columns) column(marks.scrubColumn, theme.accent, [4 * thin, 3 * thin]);
  if (marks.hoverColumn !== null && marks.hoverColumn < columns) column(marks.hoverColumn, theme.text, []);
  if (marks.selectedRow !== null && marks.selectedRow < rows)
    frame(layout.x[0]!, layout.y[marks.selectedRow]!, layout.x[columns]! - layout.gap, layout.y[marks.selectedRow + 1]! - layout.gap, thin, theme.accent);
  for (const [cell, weight, colour] of [[marks.selected, 2 * thin, theme.accent], [marks.hover, thin, theme.text]] as const) {
    if (!cell || cell.row >= rows || cell.column >= columns) continue;
    frame(layout.x[cell.column]!, layout.y[cell.row]!, layout.x[cell.column + 1]! - layout.gap, layout.y[cell.row + 1]! - layout.gap, weight, colour);
  }
}

export interface ScaleLegend {
  /** What the numbers are: "× fair share". */
  unit: string;
  tick: (value: number) => string;
  /** Says what the hatching means; null where nothing is hatched. */
  hatch: string | null;
}

/** The scale beside a heatmap: colours, marks, unit, and what hatching means. Sizes are CSS pixels. */
export function paintScale(canvas: HTMLCanvasElement, scale: ColourScale, legend: ScaleLegend, size: { width: number; height: number }, theme: ChartTheme, ratio: number): void {
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${size.height}px`;
  const ctx = canvas.getContext("2d")!;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.fillStyle = theme.mutedText;
  ctx.fillText(legend.unit, 0, 7);
  const top = 20;
  const bottom = size.height - (legend.hatch ? 26 : 8);
  const bar = 12;
  const height = bottom - top;
  const slices = Math.max(2, Math.round(height * ratio));
  for (let i = 0; i < slices; i++) {
    ctx.fillStyle = cssColour(scale.at(1 - i / (slices - 1)));
    ctx.fillRect(0, top + (i * height) / slices, bar, height / slices + 0.5);
  }
  ctx.fillStyle = theme.mutedText;
  ctx.strokeStyle = theme.mutedText;
  ctx.lineWidth = 1;
  for (const { value, position } of scale.ticks) {
    const y = bottom - position * height;
    ctx.beginPath();
    ctx.moveTo(bar, Math.round(y) + 0.5);
    ctx.lineTo(bar + 4, Math.round(y) + 0.5);
    ctx.stroke();
    ctx.fillText(legend.tick(value), bar + 7, Math.min(bottom - 2, Math.max(top + 4, y)));
  }
  if (legend.hatch) {
    ctx.fillStyle = cssColour(scale.at(0));
    ctx.fillRect(0, bottom + 10, bar, 12);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, bottom + 10, bar, 12);
    ctx.clip();
    ctx.strokeStyle = cssColour(theme.hatch);
    ctx.lineWidth = 1.2;
    ctx.beginPath();
    for (let x = -12; x < bar; x += 5) {
      ctx.moveTo(x, bottom + 22);
      ctx.lineTo(x + 12, bottom + 10);
    }
    ctx.stroke();
    ctx.restore();
    ctx.fillStyle = theme.mutedText;
    ctx.fillText(legend.hatch, bar + 7, bottom + 16);
  }
}
