// Where the cells of a heatmap lie, in whole device pixels, so that no cell is blurred and equal cells are equally large; columns
// of a pixel or two share the width instead, which would else stay half empty.

export interface HeatmapSpace {
  rows: number;
  columns: number;
  /** CSS pixels there are. `height` is what the heatmap may take at most. */
  width: number;
  height: number;
  pixelRatio: number;
  /** How much larger than usual cells may become. */
  growth: number;
  /** CSS pixels for the row labels left and the column labels below. */
  left: number;
  bottom: number;
  /** "cells": equal cells of a pleasant size. "fill": columns share the whole width, as a time axis needs. */
  mode: "cells" | "fill";
}

export interface HeatmapLayout {
  /** Device pixels. `x[c]`..`x[c + 1]` is column c with its gap; the same for `y`. */
  x: Int32Array;
  y: Int32Array;
  /** Device pixels left free at the right and lower edge of each cell. */
  gap: number;
  /** CSS pixels that the canvas takes. */
  width: number;
  height: number;
  /** Every how many rows a label fits. */
  rowLabelEvery: number;
}

const CELL = { minWidth: 3, maxWidth: 96, minHeight: 6, minHeightOverTime: 3, maxHeight: 40 } as const;
/** CSS pixels that a row's label needs: one line of text. The label of a low first row stands lower than its row. */
const ROW_LABEL = 13;
export const FIRST_ROW_LABEL = 6;
/** CSS pixels between the labels of columns. */
const LABEL_GAP = 8;

/** 1, 2, 5, 10, 20, 50, …: the least of them that is at least `least`. */
export function niceEvery(least: number): number {
  for (let power = 1; ; power *= 10) for (const factor of [1, 2, 5]) if (factor * power >= least) return factor * power;
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

export function heatmapLayout(space: HeatmapSpace): HeatmapLayout {
  const { rows, columns, pixelRatio: ratio } = space;
  const left = Math.round(space.left * ratio);
  const innerWidth = Math.max(columns, Math.floor((space.width - space.left) * ratio));
  const innerHeight = Math.max(rows, Math.floor((space.height - space.bottom) * ratio));
  const least = space.mode === "fill" ? CELL.minHeightOverTime : CELL.minHeight;
  const cellHeight = Math.round(clamp(Math.floor(innerHeight / Math.max(1, rows)), least * ratio, CELL.maxHeight * space.growth * ratio));
  const x = new Int32Array(columns + 1);
  if (space.mode === "fill" || innerWidth / Math.max(1, columns) < CELL.minWidth * ratio) {
    for (let c = 0; c <= columns; c++) x[c] = left + Math.round((innerWidth * c) / Math.max(1, columns));
  } else {
    const cellWidth = Math.max(1, Math.floor(Math.min(innerWidth / Math.max(1, columns), CELL.maxWidth * space.growth * ratio)));
    for (let c = 0; c <= columns; c++) x[c] = left + c * cellWidth;
  }
  const y = new Int32Array(rows + 1);
  for (let r = 0; r <= rows; r++) y[r] = r * cellHeight;
  const cellWidth = columns === 0 ? 0 : (x[columns]! - x[0]!) / columns;
  const smaller = Math.min(space.mode === "fill" ? cellHeight : cellWidth, cellHeight) / ratio;
  return {
    x, y,
    gap: space.mode === "fill" ? 0 : smaller >= 10 ? Math.max(1, Math.round(ratio)) : smaller >= 5 ? 1 : 0,
    width: space.mode === "fill" ? space.width : Math.ceil(x[columns]! / ratio),
    height: Math.ceil(y[rows]! / ratio) + space.bottom,
    rowLabelEvery: niceEvery((ROW_LABEL * ratio + Math.max(0, FIRST_ROW_LABEL * ratio - cellHeight / 2)) / Math.max(1, cellHeight)),
  };
}

export interface ColumnTick { column: number; number: number }

/**
 * Labels of columns that stand for growing numbers: of the first, and of every round one, at the column that has come to it. They are as close as the
 * widest allows, in device pixels.
 */
export function columnTicks({ x }: HeatmapLayout, numbers: readonly number[], widest: number, ratio: number): ColumnTick[] {
  if (numbers.length === 0) return [];
  const first = numbers[0]!, span = numbers.at(-1)! - first, cell = (x[numbers.length]! - x[0]!) / numbers.length;
  const every = span === 0 ? 1 : niceEvery((widest + LABEL_GAP * ratio) / Math.max(1e-9, cell * (numbers.length - 1) / span));
  const ticks = [{ column: 0, number: first }];
  for (let column = 1; column < numbers.length; column++) {
    const round = Math.floor(numbers[column]! / every) * every;
    if (round > numbers[column - 1]!) ticks.push({ column, number: round });
  }
  return ticks;
}

/** The cell under a point in CSS pixels; null beside the cells. */
export function cellAt(layout: HeatmapLayout, pixelRatio: number, cssX: number, cssY: number): { row: number; column: number } | null {
  const column = edgeBelow(layout.x, cssX * pixelRatio);
  const row = edgeBelow(layout.y, cssY * pixelRatio);
  return row < 0 || column < 0 ? null : { row, column };
}

/** Index i with edges[i] ≤ position < edges[i + 1]; −1 outside. */
function edgeBelow(edges: Int32Array, position: number): number {
  const last = edges.length - 1;
  if (last < 1 || position < edges[0]! || position >= edges[last]!) return -1;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}
