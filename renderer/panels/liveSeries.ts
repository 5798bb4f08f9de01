// One metric of one run, live: loaded once, then fed with the rows that the run's subscription pushes.
import { metricDefinition } from "../../contract/metrics.ts";
import type { Client } from "../../contract/client.ts";
import type { RunRows } from "../../contract/handlers.ts";
import { BucketSeries, type Columns } from "../charts/bucketSeries.ts";
import type { LineSource } from "../charts/bucketLine.ts";

export type Backend = Pick<Client, "send" | "subscribe" | "onConnection">;
/** Steps, both ends included; null shows all. */
export type StepRange = { from: number; to: number } | null;

export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Things that change outside React and tell whoever listens. */
export class Observable {
  private readonly listeners = new Set<() => void>();
  version = 0;
  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    return () => {
      this.listeners.delete(changed);
      if (this.listeners.size === 0) this.unwatched();
    };
  };
  get watched(): boolean {
    return this.listeners.size > 0;
  }
  protected unwatched(): void {}
  protected changed(): void {
    this.version++;
    for (const listener of [...this.listeners]) listener();
  }
}

export class LiveSeries extends Observable implements LineSource {
  status: LineSource["status"] = "loading";
  message: string | null = null;
  private readonly buckets: BucketSeries;
  /** Pushes that came while the series was on its way; some of their rows may be in it already. */
  private waiting: RunRows[] = [];
  private cursor = 0;

  private readonly backend: Backend;
  private readonly runId: string;
  readonly name: string;
  private readonly range: StepRange;
  private readonly points: number;
  private readonly dropped: () => void;

  constructor(backend: Backend, runId: string, name: string, range: StepRange, points: number, dropped: () => void) {
    super();
    this.backend = backend;
    this.runId = runId;
    this.name = name;
    this.range = range;
    this.points = points;
    this.dropped = dropped;
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

  async load(): Promise<void> {
    this.status = "loading";
    this.waiting = [];
    try {
      const series = await this.backend.send("metrics.series", { runId: this.runId, name: this.name, points: this.points, ...(this.range ?? {}) });
      this.buckets.load(series);
      this.cursor = series.cursor;
      this.settle();
      const waiting = this.waiting;
      this.waiting = [];
      for (const rows of waiting) this.take(rows);
    } catch (error) {
      this.status = "error";
      this.message = sentence(error);
    }
    this.changed();
  }

  private settle(): void {
    this.status = this.buckets.columns.length > 0 ? "ready" : "absent";
    this.message = this.status === "absent" ? `No values of ${metricDefinition(this.name).label} ${this.range ? "in these steps" : "so far"}.` : null;
  }

  /** Takes what was pushed. What the loaded series holds already is left out. */
  take(rows: RunRows): void {
    if (this.status === "loading") {
      this.waiting.push(rows);
      return;
    }
    if (this.status === "error" || rows.cursor <= this.cursor) return;
    this.cursor = rows.cursor;
    const before = this.buckets.version;
    if (rows.resetAfterStep !== null) this.buckets.truncateAfter(rows.resetAfterStep);
    for (const row of rows.metrics) {
      const value = row.values[this.name];
      if (value === undefined || (this.range && (row.step < this.range.from || row.step > this.range.to))) continue;
      this.buckets.append(row.step, row.tokens, row.seconds, Number(value));
    }
    if (this.buckets.version === before) return;
    this.settle();
    this.changed();
  }

  protected override unwatched(): void {
    this.dropped();
  }
}
