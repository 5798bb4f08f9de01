// A line as the screen can show it: one point a column of pixels, plus the extremes of a column where they stand out. What
// filling a path costs grows with its points, and twenty lines have many.

type Projection = (value: number) => number;

/** An extreme this many pixels away from the line is drawn. */
const STANDS_OUT = 3;

/**
 * Writes pixel pairs x, y of the path into `out` and returns how many numbers were written; NaN pairs are gaps. `last`,
 * and in it values that can't be drawn, are as in Columns; `low` and `high` bound each bucket.
 */
export function pixelPath(x: Float64Array, last: Float64Array, low: Float64Array, high: Float64Array, length: number, toX: Projection, toY: Projection, columnWidth: number, out: number[]): number {
  let size = 0;
  let i = 0;
  let previous = Number.NaN;
  while (i < length) {
    const px = toX(x[i]!);
    const py = toY(last[i]!);
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      out[size++] = Number.NaN;
      out[size++] = Number.NaN;
      previous = Number.NaN;
      i++;
      continue;
    }
    const column = Math.floor(px / columnWidth);
    let lowest = i;
    let highest = i;
    let end = i;
    for (let j = i + 1; j < length && Number.isFinite(last[j]!) && Math.floor(toX(x[j]!) / columnWidth) === column; j++) {
      if (low[j]! < low[lowest]!) lowest = j;
      if (high[j]! > high[highest]!) highest = j;
      end = j;
    }
    const endY = toY(last[end]!);
    if (end > i) {
      const before = Number.isNaN(previous) ? endY : previous;
      const top = Math.min(before, endY);
      const bottom = Math.max(before, endY);
      const highY = toY(high[highest]!);
      const lowY = toY(low[lowest]!);
      // In the order in which they came, so that the line doesn't cross itself.
      const extremes = [...(highY < top - STANDS_OUT ? [[highest, highY]] : []), ...(lowY > bottom + STANDS_OUT ? [[lowest, lowY]] : [])].sort((a, b) => a[0]! - b[0]!);
      for (const [index, y] of extremes) {
        out[size++] = toX(x[index!]!);
        out[size++] = y!;
      }
    }
    out[size++] = toX(x[end]!);
    out[size++] = endY;
    previous = endY;
    i = end + 1;
  }
  return size;
}
