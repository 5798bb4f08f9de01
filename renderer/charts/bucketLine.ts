// A Chart.js dataset type that draws bucketed columns straight from typed arrays: the line of last values, the band from
// least to greatest, and the smoothed line. No element per point is made, so 20 live lines cost one path each.
import { Chart, DatasetController, PointElement, type Scale, type UpdateMode } from "chart.js";
import { xColumn, type Columns, type XAxis } from "./bucketSeries.ts";
import { pixelPath } from "./pixelPath.ts";
import { exponentialMovingAverage } from "./smoothing.ts";

/** Where a line's numbers come from; they change outside React. */
export interface LineSource {
  readonly status: "loading" | "ready" | "error" | "absent";
  /** One sentence where the status is "error" or "absent". */
  readonly message: string | null;
  readonly columns: Columns;
  /** Grows with each change. */
  readonly version: number;
  subscribe(changed: () => void): () => void;
}

export interface BucketLineDataset {
  type: "bucketLine";
  label: string;
  data: never[];
  /** The controller clips by itself. */
  clip: false;
  source: LineSource;
  axis: XAxis;
  colour: string;
  dash: readonly number[];
  /** 0 to below 1. */
  smoothing: number;
  /** Drawn as dots joined by a thin line: few values far apart, such as evaluations. */
  dots: boolean;
  /** CSS pixels. */
  lineWidth: number;
  /** Least to greatest as an area. Without it the line itself goes to extremes that stand out. */
  band: boolean;
}

/** A dataset of this type passes Chart.js as an untyped one; only this file and LineChart know its shape. */
interface Projection {
  (value: number): number;
}

/** Value to pixel without a call into Chart.js for each point: linear and logarithmic scales are affine in v or log v. */
function projection(scale: Scale): Projection {
  const { min, max } = scale;
  const from = scale.getPixelForValue(min);
  const to = scale.getPixelForValue(max);
  if (scale.type === "logarithmic") {
    const low = Math.log10(min);
    const factor = (to - from) / (Math.log10(max) - low || 1);
    return (value) => from + (Math.log10(value) - low) * factor;
  }
  const factor = (to - from) / (max - min || 1);
  return (value) => from + (value - min) * factor;
}

export class BucketLineController extends DatasetController {
  static readonly id = "bucketLine";
  // Chart.js wants the name of an element, though none is ever made.
  static readonly defaults = { datasetElementType: false, dataElementType: "point" } as const;
  private smoothed: { version: number; weight: number; values: Float64Array } | null = null;

  private get bucketDataset(): BucketLineDataset {
    return this.getDataset() as unknown as BucketLineDataset;
  }

  override parse(): void {}
  override buildOrUpdateElements(): void {}
  override addElements(): void {}
  override update(_mode: UpdateMode): void {}
  override reset(): void {}

  /** Range of the scale: the band, so that no spike lies outside; positive values alone on a logarithmic scale. */
  protected override getMinMax(scale: Scale): { min: number; max: number } {
    const { source, axis } = this.bucketDataset;
    const { columns } = source;
    const positive = scale.type === "logarithmic";
    let min = Infinity;
    let max = -Infinity;
    if (scale.axis === "x") {
      const x = xColumn(columns, axis);
      for (let i = 0; i < columns.length; i++) {
        const value = x[i]!;
        if (positive && value <= 0) continue;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    } else {
      for (let i = 0; i < columns.length; i++) {
        const low = columns.min[i]!;
        const high = columns.max[i]!;
        if (low < min && (!positive || low > 0)) min = low;
        if (high > max && high < Infinity) max = high;
      }
      if (positive && max <= 0) max = -Infinity;
    }
    return { min, max };
  }

  private smoothedValues(): Float64Array {
    const { source, smoothing } = this.bucketDataset;
    if (this.smoothed?.version !== source.version || this.smoothed.weight !== smoothing || this.smoothed.values.length < source.columns.length) {
      this.smoothed = {
        version: source.version, weight: smoothing,
        values: exponentialMovingAverage(source.columns.last, source.columns.length, smoothing),
      };
    }
    return this.smoothed.values;
  }

  override draw(): void {
    const { source, axis, colour, dash, smoothing, dots, lineWidth, band } = this.bucketDataset;
    const { columns } = source;
    if (columns.length === 0) return;
    const { ctx, chartArea } = this.chart;
    const { xScale, yScale } = this._cachedMeta;
    if (!xScale || !yScale) return;
    const toX = projection(xScale);
    const toY = projection(yScale);
    const x = xColumn(columns, axis);
    const columnWidth = lineWidth > 1 ? 1 : 2;
    ctx.save();
    ctx.lineJoin = "bevel";
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    // A dot at the end of the axis is as round as the others.
    const margin = dots || columns.length === 1 ? DOT_RADIUS : 0;
    // Whole pixels: a clip at fractions of a pixel costs as much as the lines themselves.
    ctx.beginPath();
    ctx.rect(Math.floor(chartArea.left) - margin, Math.floor(chartArea.top) - margin, Math.ceil(chartArea.width) + 1 + 2 * margin, Math.ceil(chartArea.height) + 1 + 2 * margin);
    ctx.clip();
    if (band) drawBand(ctx, columns, x, toX, toY, yScale.type === "logarithmic" ? yScale.min : null);
    ctx.setLineDash(dash as number[]);
    ctx.lineWidth = dots ? 1 : lineWidth;
    if (smoothing > 0 && !dots) {
      ctx.globalAlpha = 0.28;
      drawLine(ctx, x, columns, columns.last, toX, toY, columnWidth);
      ctx.globalAlpha = 1;
      ctx.lineWidth = lineWidth;
      drawLine(ctx, x, null, this.smoothedValues().subarray(0, columns.length), toX, toY, columnWidth);
    } else {
      drawLine(ctx, x, columns, columns.last, toX, toY, columnWidth);
    }
    ctx.setLineDash([]);
    if (dots || columns.length === 1) drawDots(ctx, x, columns.last, columns.length, toX, toY);
    drawNonFinite(ctx, x, columns.last, columns.length, toX, chartArea.top);
    ctx.restore();
  }
}

/** CSS pixels. */
const DOT_RADIUS = 3;
const path: number[] = [];

/** The line of `values`, to the extremes of its buckets where they are given. */
function drawLine(ctx: CanvasRenderingContext2D, x: Float64Array, buckets: Columns | null, values: Float64Array, toX: Projection, toY: Projection, columnWidth: number): void {
  const size = pixelPath(x, values, buckets?.min ?? values, buckets?.max ?? values, buckets?.length ?? values.length, toX, toY, columnWidth, path);
  ctx.beginPath();
  let open = false;
  for (let i = 0; i < size; i += 2) {
    const px = path[i]!;
    if (Number.isNaN(px)) open = false;
    else if (open) ctx.lineTo(px, path[i + 1]!);
    else {
      ctx.moveTo(px, path[i + 1]!);
      open = true;
    }
  }
  ctx.stroke();
}

/** Least to greatest of each bucket. Nothing where every bucket is one row. `floor` replaces values a log axis can't show. */
function drawBand(ctx: CanvasRenderingContext2D, columns: Columns, x: Float64Array, toX: Projection, toY: Projection, floor: number | null): void {
  const { min, max, length } = columns;
  let any = false;
  for (let i = 0; i < length && !any; i++) any = max[i]! > min[i]!;
  if (!any) return;
  ctx.globalAlpha = 0.18;
  ctx.beginPath();
  let start = -1;
  const close = (end: number) => {
    if (start < 0) return;
    for (let i = end; i >= start; i--) {
      const low = floor !== null && min[i]! < floor ? floor : min[i]!;
      ctx.lineTo(toX(x[i]!), toY(low));
    }
    ctx.closePath();
    start = -1;
  };
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(min[i]!) || !Number.isFinite(max[i]!) || (floor !== null && max[i]! <= 0)) {
      close(i - 1);
      continue;
    }
    if (start < 0) {
      start = i;
      ctx.moveTo(toX(x[i]!), toY(max[i]!));
    } else ctx.lineTo(toX(x[i]!), toY(max[i]!));
  }
  close(length - 1);
  ctx.fill();
  ctx.globalAlpha = 1;
}

function drawDots(ctx: CanvasRenderingContext2D, x: Float64Array, values: Float64Array, length: number, toX: Projection, toY: Projection): void {
  const radius = length > 120 ? DOT_RADIUS / 2 : DOT_RADIUS;
  ctx.beginPath();
  for (let i = 0; i < length; i++) {
    const px = toX(x[i]!);
    const py = toY(values[i]!);
    if (!Number.isFinite(px) || !Number.isFinite(py)) continue;
    ctx.moveTo(px + radius, py);
    ctx.arc(px, py, radius, 0, 2 * Math.PI);
  }
  ctx.fill();
}

/** A cross at the upper edge where the last value of a bucket is not a number: it has no height, yet happened. */
function drawNonFinite(ctx: CanvasRenderingContext2D, x: Float64Array, values: Float64Array, length: number, toX: Projection, top: number): void {
  ctx.beginPath();
  for (let i = 0; i < length; i++) {
    if (Number.isFinite(values[i]!)) continue;
    const px = toX(x[i]!);
    ctx.moveTo(px - 4, top + 2);
    ctx.lineTo(px + 4, top + 10);
    ctx.moveTo(px + 4, top + 2);
    ctx.lineTo(px - 4, top + 10);
  }
  ctx.lineWidth = 2;
  ctx.stroke();
}

Chart.register(PointElement, BucketLineController);
