// Writing metrics: narrow rows, the summary shown in lists, and the reduction pyramid, all in the caller's transaction.
import { statement, type WritableDB } from "./database.ts";
import { LEVELS, PyramidGrowth, merge, readRange, rewindPyramid, type Bucket } from "./reductionPyramid.ts";

/** Names a run may have; what is beyond is counted as unknown. Stops a broken trainer from filling the disk with names. */
export const MAX_METRIC_NAMES = 2000;

/** The metrics of one run within one transaction. */
export class MetricWriter {
  #db: WritableDB;
  #run: number;
  #metrics = new Map<string, number>();
  #growth = new Map<number, PyramidGrowth>();

  constructor(db: WritableDB, run: number) {
    this.#db = db;
    this.#run = run;
    for (const row of statement<{ metric: number; name: string }>(db, "SELECT metric, name FROM metric WHERE run = ?").all(run))
      this.#metrics.set(row.name, row.metric);
  }

  /** Adds the values of one event. A value already recorded for a metric and step stays. Returns how many names were refused. */
  add(event: { step: number; tokens: number; seconds: number }, evaluation: boolean, ordinal: number, values: Iterable<[string, number]>): number {
    statement(this.#db, `
      INSERT INTO sample (run, step, evaluation, ordinal, tokens, seconds) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET ordinal = excluded.ordinal, tokens = excluded.tokens, seconds = excluded.seconds`)
      .run(this.#run, event.step, Number(evaluation), ordinal, event.tokens, event.seconds);
    const insert = statement(this.#db, "INSERT INTO value (metric, step, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    let refused = 0;
    for (const [name, value] of values) {
      const metric = this.#metric(name);
      if (metric === null) refused++;
      else if (insert.run(metric, event.step, Number.isNaN(value) ? null : value).changes > 0) this.#grow(metric).add(event.step, value);
    }
    return refused;
  }

  /** Writes pyramid and summaries. Call once, at the end of the transaction. */
  flush(): void {
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
    for (const metric of this.#metrics.values()) {
      if (statement(this.#db, "DELETE FROM value WHERE metric = ? AND step > ?").run(metric, step).changes === 0) continue;
      rewindPyramid(this.#db, metric, step);
      let total: Bucket | null = null;
      for (const part of readRange(this.#db, metric, 0, step, LEVELS)) total ? merge(total, part) : (total = { ...part });
      writeSummary(this.#db, metric, total);
    }
  }

  #grow(metric: number): PyramidGrowth {
    let growth = this.#growth.get(metric);
    if (!growth) this.#growth.set(metric, (growth = new PyramidGrowth()));
    return growth;
  }

  #metric(name: string): number | null {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known;
    if (this.#metrics.size >= MAX_METRIC_NAMES) return null;
    const metric = Number(statement(this.#db, "INSERT INTO metric (run, name) VALUES (?, ?)").run(this.#run, name).lastInsertRowid);
    this.#metrics.set(name, metric);
    return metric;
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
