// Writing metrics: narrow rows, the summary shown in lists, and the reduction pyramid, all in the caller's transaction.
import { fromWire, type RunEvent } from "../contract/events.ts";
import { statement, type WritableDB } from "./database.ts";
import { ManyRows } from "./manyRows.ts";
import { extend, LEVELS, merge, mergeAll, PyramidGrowth, readRange, rewindPyramid, single, type Bucket } from "./reductionPyramid.ts";

/** Names a run may have; what is beyond is counted as unknown. Stops a broken trainer from filling the disk with names. */
export const MAX_METRIC_NAMES = 2000;

const SAMPLES = new ManyRows("INSERT OR FAIL INTO sample (run, step, evaluation, ordinal, tokens, seconds) VALUES", 6,
  "ON CONFLICT DO UPDATE SET ordinal = excluded.ordinal, tokens = excluded.tokens, seconds = excluded.seconds");
const VALUES = new ManyRows("INSERT OR FAIL INTO value (metric, step, value) VALUES", 3, "ON CONFLICT DO NOTHING");

type Sample = Extract<RunEvent, { kind: "metrics" | "evaluation" }>;

interface Series {
  metric: number;
  /** All its values as one bucket; null before the first. */
  total: Bucket | null;
  /** Read from the database at its first new value. */
  growth: PyramidGrowth | null;
  /** Rows that wait to be inserted together: metric, step, value of each. */
  waiting: (number | null)[];
  changed: boolean;
}

/** The metrics of one run. It lives on between transactions, for as long as each of them is committed and nobody else writes these rows. */
export class MetricWriter {
  #db: WritableDB;
  #run: number;
  #metrics = new Map<string, Series>();
  /** Rows that wait to be inserted together. */
  #samples: number[] = [];

  constructor(db: WritableDB, run: number) {
    this.#db = db;
    this.#run = run;
    const known = statement<Bucket & { metric: number; name: string }>(db, `
      SELECT metric, name, count, last, last_step AS lastStep, lowest, lowest_step AS lowestStep, highest, highest_step AS highestStep FROM metric WHERE run = ? ORDER BY metric`);
    for (const { metric, name, ...total } of known.iterate(run)) this.#metrics.set(name, { metric, total: total.count > 0 ? total : null, growth: null, waiting: [], changed: false });
  }

  /** Adds the values of one event. A value already recorded for a metric and step stays. Returns how many names were refused. */
  add({ kind, step, tokens, seconds, values }: Sample, ordinal: number): number {
    const evaluation = kind === "evaluation";
    this.#samples.push(this.#run, step, Number(evaluation), ordinal, tokens, seconds);
    let refused = 0;
    for (const [name, wire] of Object.entries(values)) {
      const series = this.#series(evaluation && !name.startsWith("evaluation.") ? `evaluation.${name}` : name), value = fromWire(wire);
      if (series === null) refused++;
      else this.#insert(series, step, Number.isNaN(value) ? null : value);
    }
    return refused;
  }

  /** Writes what waits. Call once, at the end of the transaction. */
  flush(): void {
    SAMPLES.insert(this.#db, this.#samples);
    this.#samples = [];
    const waiting: (number | null)[] = [];
    for (const series of this.#metrics.values()) {
      if (!series.changed) continue;
      for (const part of series.waiting) waiting.push(part);
      series.waiting = [];
    }
    VALUES.insert(this.#db, waiting);
    for (const series of this.#metrics.values()) {
      if (!series.changed) continue;
      series.growth?.write(this.#db);
      this.#writeSummary(series);
    }
  }

  /** Drops all values after `step`, and what was added in this transaction after it. */
  rewind(step: number): void {
    this.flush();
    statement(this.#db, "DELETE FROM sample WHERE run = ? AND step > ?").run(this.#run, step);
    for (const series of this.#metrics.values()) {
      const { metric } = series;
      if (statement(this.#db, "DELETE FROM value WHERE metric = ? AND step > ?").run(metric, step).changes === 0) continue;
      const newest = statement<{ step: number | null }>(this.#db, "SELECT max(step) AS step FROM value WHERE metric = ?").get(metric)!.step ?? -1;
      rewindPyramid(this.#db, metric, newest);
      series.total = mergeAll(readRange(this.#db, metric, 0, newest, LEVELS)) ?? null;
      series.growth = null;
      this.#writeSummary(series);
    }
  }

  #insert(series: Series, step: number, value: number | null): void {
    const newest = series.total?.lastStep ?? -1;
    series.growth ??= new PyramidGrowth(this.#db, series.metric, newest);
    // A step behind all others can't be there yet: its row waits for more of its metric, side by side in the table.
    if (step > newest) {
      series.waiting.push(series.metric, step, value);
      series.growth.append(step, value);
      if (series.total) extend(series.total, step, value);
      else series.total = single(step, value);
    } else {
      VALUES.insert(this.#db, series.waiting);
      series.waiting = [];
      if (statement(this.#db, "INSERT INTO value (metric, step, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING").run(series.metric, step, value).changes === 0) return;
      series.growth.insert(this.#db, step, value);
      merge(series.total!, single(step, value));
    }
    series.changed = true;
  }

  #writeSummary(series: Series): void {
    const { count, last, lastStep, lowest, lowestStep, highest, highestStep } =
      series.total ?? { count: 0, last: null, lastStep: -1, lowest: null, lowestStep: -1, highest: null, highestStep: -1 };
    statement(this.#db, `
      UPDATE metric SET count = ?, last = ?, last_step = ?, lowest = ?, lowest_step = ?, highest = ?, highest_step = ? WHERE metric = ?`)
      .run(count, last, lastStep, lowest, lowestStep, highest, highestStep, series.metric);
    series.changed = false;
  }

  #series(name: string): Series | null {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known;
    if (this.#metrics.size >= MAX_METRIC_NAMES) return null;
    const metric = Number(statement(this.#db, "INSERT INTO metric (run, name) VALUES (?, ?)").run(this.#run, name).lastInsertRowid);
    const series: Series = { metric, total: null, growth: null, waiting: [], changed: false };
    this.#metrics.set(name, series);
    return series;
  }
}
