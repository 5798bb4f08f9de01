// Writing metrics: narrow rows, the summary shown in lists, and the reduction pyramid, all in the caller's transaction.
import { statement, type WritableDB } from "./database.ts";
import { LEVELS, PyramidGrowth, merge, readRange, rewindPyramid, type Bucket } from "./reductionPyramid.ts";

/** Names a run may have; what is beyond is counted as unknown. Stops a broken trainer from filling the disk with names. */
export const MAX_METRIC_NAMES = 2000;

/** Rows of one statement: half the time of one statement a row. */
const ROWS_AT_ONCE = 50;
const rowsOf = (count: number) => `INSERT INTO value (metric, step, value) VALUES ${Array.from({ length: count }, () => "(?, ?, ?)").join(", ")} ON CONFLICT DO NOTHING`;
const ONE_ROW = rowsOf(1), MANY_ROWS = rowsOf(ROWS_AT_ONCE);

/** A metric, the newest step that it has a value of, and its values that wait to be inserted together: metric, step, value of each. */
interface Series { metric: number; newest: number; waiting: (number | null)[] }

/** The metrics of one run within one transaction. */
export class MetricWriter {
  #db: WritableDB;
  #run: number;
  #metrics = new Map<string, Series>();
  #growth = new Map<number, PyramidGrowth>();

  constructor(db: WritableDB, run: number) {
    this.#db = db;
    this.#run = run;
    for (const { name, metric, newest } of statement<{ metric: number; name: string; newest: number }>(db, "SELECT metric, name, last_step AS newest FROM metric WHERE run = ?").all(run))
      this.#metrics.set(name, { metric, newest, waiting: [] });
  }

  /** Adds the values of one event. A value already recorded for a metric and step stays. Returns how many names were refused. */
  add(event: { step: number; tokens: number; seconds: number }, evaluation: boolean, ordinal: number, values: Iterable<[string, number]>): number {
    statement(this.#db, `
      INSERT INTO sample (run, step, evaluation, ordinal, tokens, seconds) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET ordinal = excluded.ordinal, tokens = excluded.tokens, seconds = excluded.seconds`)
      .run(this.#run, event.step, Number(evaluation), ordinal, event.tokens, event.seconds);
    let refused = 0;
    for (const [name, value] of values) {
      const series = this.#series(name);
      if (series === null) refused++;
      else if (this.#insert(series, event.step, Number.isNaN(value) ? null : value)) this.#grow(series.metric).add(event.step, value);
    }
    return refused;
  }

  /** Writes pyramid and summaries. Call once, at the end of the transaction. */
  flush(): void {
    for (const series of this.#metrics.values()) this.#insertWaiting(series);
    for (const [metric, growth] of this.#growth) {
      const total = growth.write(this.#db, metric);
      if (!total) continue;
      const stored = readSummary(this.#db, metric);
      if (stored) merge(total, stored);
      writeSummary(this.#db, metric, total);
    }
    this.#growth.clear();
  }

  /** Drops all values after `step`, and what was added in this transaction after it. */
  rewind(step: number): void {
    this.flush();
    statement(this.#db, "DELETE FROM sample WHERE run = ? AND step > ?").run(this.#run, step);
    for (const series of this.#metrics.values()) {
      const { metric } = series;
      if (statement(this.#db, "DELETE FROM value WHERE metric = ? AND step > ?").run(metric, step).changes === 0) continue;
      rewindPyramid(this.#db, metric, step);
      let total: Bucket | null = null;
      for (const part of readRange(this.#db, metric, 0, step, LEVELS)) total ? merge(total, part) : (total = { ...part });
      writeSummary(this.#db, metric, total);
      series.newest = total?.lastStep ?? -1;
    }
  }

  /** Returns whether the metric had no value at that step. One behind all others can't have; it waits for more of its metric, side by side in the table. */
  #insert(series: Series, step: number, value: number | null): boolean {
    if (step > series.newest) {
      series.newest = step;
      series.waiting.push(series.metric, step, value);
      if (series.waiting.length >= 3 * ROWS_AT_ONCE) this.#insertWaiting(series);
      return true;
    }
    this.#insertWaiting(series);
    return statement(this.#db, ONE_ROW).run(series.metric, step, value).changes > 0;
  }

  #insertWaiting(series: Series): void {
    const { waiting } = series;
    if (waiting.length === 0) return;
    series.waiting = [];
    if (waiting.length === 3 * ROWS_AT_ONCE) statement(this.#db, MANY_ROWS).run(waiting);
    else for (let i = 0; i < waiting.length; i += 3) statement(this.#db, ONE_ROW).run(waiting[i], waiting[i + 1], waiting[i + 2]);
  }

  #grow(metric: number): PyramidGrowth {
    let growth = this.#growth.get(metric);
    if (!growth) this.#growth.set(metric, (growth = new PyramidGrowth()));
    return growth;
  }

  #series(name: string): Series | null {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known;
    if (this.#metrics.size >= MAX_METRIC_NAMES) return null;
    const metric = Number(statement(this.#db, "INSERT INTO metric (run, name) VALUES (?, ?)").run(this.#run, name).lastInsertRowid);
    const series: Series = { metric, newest: -1, waiting: [] };
    this.#metrics.set(name, series);
    return series;
  }
}

function readSummary(db: WritableDB, metric: number): Bucket | null {
  const row = statement<Bucket>(db, `
    SELECT count, last, last_step AS lastStep, lowest, lowest_step AS lowestStep, highest, highest_step AS highestStep
    FROM metric WHERE metric = ?`).get(metric);
  return row && row.count > 0 ? row : null;
}

function writeSummary(db: WritableDB, metric: number, total: Bucket | null): void {
  const { count, last, lastStep, lowest, lowestStep, highest, highestStep } =
    total ?? { count: 0, last: null, lastStep: -1, lowest: null, lowestStep: -1, highest: null, highestStep: -1 };
  statement(db, `
    UPDATE metric SET count = ?, last = ?, last_step = ?, lowest = ?, lowest_step = ?, highest = ?, highest_step = ? WHERE metric = ?`)
    .run(count, last, lastStep, lowest, lowestStep, highest, highestStep, metric);
}
