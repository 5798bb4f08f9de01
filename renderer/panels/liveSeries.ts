// One metric of one run, live.
import { metricDefinition } from "../../contract/metrics.ts";
import type { RunRows } from "../../contract/handlers.ts";
import { BucketSeries, type Columns } from "../charts/bucketSeries.ts";
import type { LineSource } from "../charts/bucketLine.ts";
import { LiveRange, type Backend, type StepRange } from "./liveStore.ts";

export class LiveSeries extends LiveRange implements LineSource {
  readonly name: string;
  private readonly buckets: BucketSeries;

  constructor(backend: Backend, runId: string, name: string, range: StepRange, points: number, dropped: () => void) {
    super(backend, runId, range, points, dropped);
    this.name = name;
    this.buckets = new BucketSeries(points);
    void this.load();
  }

  get columns(): Columns {
    return this.buckets.columns;
  }
  /** Rows represented, reduced or not. */
  get count(): number {
    return this.buckets.count;
  }

  protected async fetch(): Promise<void> {
    const series = await this.backend.send("metrics.series", { runId: this.runId, name: this.name, points: this.points, ...(this.range ?? {}) });
    this.buckets.load(series);
    this.cursor = series.cursor;
  }

  protected absence(): string | null {
    return this.buckets.columns.length > 0 ? null : `No values of ${metricDefinition(this.name).label}.`;
  }

  protected append(rows: RunRows): boolean {
    const before = this.buckets.version;
    if (rows.resetAfterStep !== null) this.buckets.truncateAfter(rows.resetAfterStep);
    for (const row of rows.metrics) {
      const value = row.values[this.name];
      if (value !== undefined && this.covers(row.step)) this.buckets.append(row.step, row.tokens, row.seconds, Number(value));
    }
    return this.buckets.version !== before;
  }
}
