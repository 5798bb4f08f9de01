// A number of each recorded step of a layer as a line: entropy, confidence, overload.
import type { LineSource } from "../charts/bucketLine.ts";
import { nearestIndex, type Columns } from "../charts/bucketSeries.ts";
import type { LiveHistory } from "./liveHistory.ts";
import type { HistoryStep } from "./routingHistory.ts";

export type HistoryMeasure = (step: HistoryStep) => number;

export class HistoryLine implements LineSource {
  private cached: { version: number; clockVersion: number; columns: Columns } | null = null;
  private readonly history: LiveHistory;
  private readonly measure: HistoryMeasure;
  /** A metric of the same run, which knows tokens and seconds of a step. */
  private readonly clock: LineSource;

  constructor(history: LiveHistory, measure: HistoryMeasure, clock: LineSource) {
    this.history = history;
    this.measure = measure;
    this.clock = clock;
  }

  get status(): LineSource["status"] { return this.history.status; }
  get message(): string | null { return this.history.message; }
  get version(): number { return this.history.version + this.clock.version; }

  subscribe(changed: () => void): () => void {
    const stops = [this.history.subscribe(changed), this.clock.subscribe(() => {})];
    return () => stops.forEach((stop) => stop());
  }

  get columns(): Columns {
    const { history, clock } = this;
    if (this.cached?.version === history.version && (this.cached.clockVersion === clock.version)) return this.cached.columns;
    const { steps } = history;
    const last = Float64Array.from(steps, this.measure);
    const timed = (column: Float64Array) => Float64Array.from(steps, ({ step }) => {
      const i = nearestIndex(clock.columns.step, clock.columns.length, step);
      return i < 0 ? Number.NaN : column[i]!;
    });
    const columns: Columns = {
      length: steps.length, step: Float64Array.from(steps, ({ step }) => step),
      tokens: timed(clock.columns.tokens), seconds: timed(clock.columns.seconds), last, min: last, max: last,
    };
    this.cached = { version: history.version, clockVersion: clock.version, columns };
    return columns;
  }
}
