// One metric of one run as columns, bounded in memory while a run goes on for ever. The backend sends buckets; rows that
// arrive live are folded into buckets of the same size here, and when there are too many, neighbours are merged. A bucket
// keeps its last, least and greatest value, so a spike survives every merge.
import type { Series } from "../../contract/handlers.ts";

export type XAxis = "step" | "tokens" | "time";

/** A view on the columns; valid until the series changes. Only the first `length` entries count. */
export interface Columns {
  length: number;
  step: Float64Array;
  tokens: Float64Array;
  seconds: Float64Array;
  last: Float64Array;
  /** NaN where no finite value fell into the bucket. */
  min: Float64Array;
  max: Float64Array;
}

const COLUMN_NAMES = ["step", "tokens", "seconds", "last", "min", "max"] as const;

const emptyColumns = (size: number): Columns => ({
  length: 0,
  step: new Float64Array(size), tokens: new Float64Array(size), seconds: new Float64Array(size),
  last: new Float64Array(size), min: new Float64Array(size), max: new Float64Array(size),
});

const least = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b));
const greatest = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b));

export class BucketSeries {
  readonly columns: Columns;
  /** Rows that a full bucket holds; 1 while nothing has been merged. */
  rowsPerBucket = 1;
  /** Rows represented. */
  count = 0;
  /** Grows with each change, so that a reader can tell whether it has seen this state. */
  version = 0;
  private openRows = 0;
  private readonly limit: number;

  /** Holds at most `2 × points` buckets. */
  constructor(points: number) {
    this.limit = Math.max(4, points * 2);
    this.columns = emptyColumns(this.limit);
  }

  get lastStep(): number {
    const { length, step } = this.columns;
    return length === 0 ? -1 : step[length - 1]!;
  }

  /** Replaces everything by what the backend sent. */
  load(series: Series): void {
    const length = Math.min(series.step.length, this.limit);
    const skip = series.step.length - length;
    const { columns } = this;
    for (let i = 0; i < length; i++) {
      columns.step[i] = series.step[skip + i]!;
      columns.tokens[i] = series.tokens[skip + i]!;
      columns.seconds[i] = series.seconds[skip + i]!;
      columns.last[i] = Number(series.last[skip + i]);
      columns.min[i] = Number(series.min[skip + i]);
      columns.max[i] = Number(series.max[skip + i]);
    }
    columns.length = length;
    this.count = series.count;
    this.rowsPerBucket = series.reduced && length > 0 ? Math.max(1, Math.round(series.count / length)) : 1;
    this.openRows = this.rowsPerBucket;
    this.version++;
  }

  /** Adds a row behind the last one. A row at or before the last step is one that is already here, and is left out. */
  append(step: number, tokens: number, seconds: number, value: number): boolean {
    if (step <= this.lastStep) return false;
    const { columns } = this;
    const finite = Number.isFinite(value) ? value : Number.NaN;
    if (columns.length > 0 && this.openRows < this.rowsPerBucket) {
      const i = columns.length - 1;
      columns.step[i] = step;
      columns.tokens[i] = tokens;
      columns.seconds[i] = seconds;
      columns.last[i] = value;
      columns.min[i] = least(columns.min[i]!, finite);
      columns.max[i] = greatest(columns.max[i]!, finite);
      this.openRows++;
    } else {
      if (columns.length === this.limit) this.halve();
      const i = columns.length++;
      columns.step[i] = step;
      columns.tokens[i] = tokens;
      columns.seconds[i] = seconds;
      columns.last[i] = value;
      columns.min[i] = finite;
      columns.max[i] = finite;
      this.openRows = 1;
    }
    this.count++;
    this.version++;
    return true;
  }

  /** Drops everything after `step`: an attempt resumed from there and supersedes it. */
  truncateAfter(step: number): void {
    const { columns } = this;
    let length = columns.length;
    while (length > 0 && columns.step[length - 1]! > step) length--;
    if (length === columns.length) return;
    const removed = columns.length - length;
    columns.length = length;
    this.count = Math.max(length, this.count - removed * this.rowsPerBucket);
    this.openRows = this.rowsPerBucket;
    this.version++;
  }

  private halve(): void {
    const { columns } = this;
    const pairs = Math.floor(columns.length / 2);
    for (let i = 0; i < pairs; i++) {
      const a = 2 * i;
      const b = a + 1;
      const min = least(columns.min[a]!, columns.min[b]!);
      const max = greatest(columns.max[a]!, columns.max[b]!);
      for (const name of COLUMN_NAMES) columns[name][i] = columns[name][b]!;
      columns.min[i] = min;
      columns.max[i] = max;
    }
    if (columns.length % 2 === 1) {
      for (const name of COLUMN_NAMES) columns[name][pairs] = columns[name][columns.length - 1]!;
    }
    columns.length = pairs + (columns.length % 2);
    this.rowsPerBucket *= 2;
    this.openRows = this.rowsPerBucket;
  }
}

/** The column that the x axis shows. */
export const xColumn = (columns: Columns, axis: XAxis): Float64Array =>
  axis === "step" ? columns.step : axis === "tokens" ? columns.tokens : columns.seconds;

/** Index of the bucket whose x lies nearest to `x`; -1 when there are none. `values` grows. */
export function nearestIndex(values: ArrayLike<number>, length: number, x: number): number {
  if (length === 0) return -1;
  let low = 0;
  let high = length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - values[low - 1]! <= values[low]! - x ? low - 1 : low;
}

/** Index of the last entry at or before `x`; -1 when all lie behind it. */
export function indexAtOrBefore(values: ArrayLike<number>, length: number, x: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
