// The pyramid that lets a chart of N points cost the same for ten thousand and ten million rows. Level 0 are the rows
// themselves; a bucket of level k covers 16^k steps and keeps the last, least and greatest value in it.
import { statement, type ReadableDB, type WritableDB } from "./database.ts";
import { ManyRows } from "./manyRows.ts";

export const FACTOR = 16;
/** 16^6 steps a bucket at the top: a hundred million steps are six buckets. */
export const LEVELS = 6;
const width = (level: number) => FACTOR ** level;

/** Values of some steps in a row, reduced. `null` is NaN: it never counts as least or greatest. */
export interface Bucket {
  count: number;
  last: number | null; lastStep: number;
  lowest: number | null; lowestStep: number;
  highest: number | null; highestStep: number;
}

/** One point as a bucket of its own. `null` is NaN. */
export const single = (step: number, value: number | null): Bucket => ({ count: 1, last: value, lastStep: step, lowest: value, lowestStep: step, highest: value, highestStep: step });

/** Adds `other` to `into`. The order does not matter: last is decided by step. */
export function merge(into: Bucket, other: Bucket): void {
  into.count += other.count;
  if (other.lastStep >= into.lastStep) (into.last = other.last), (into.lastStep = other.lastStep);
  if (other.lowest !== null && (into.lowest === null || other.lowest < into.lowest))
    (into.lowest = other.lowest), (into.lowestStep = other.lowestStep);
  if (other.highest !== null && (into.highest === null || other.highest > into.highest))
    (into.highest = other.highest), (into.highestStep = other.highestStep);
}

/** Adds the value of a step after all of the bucket's. */
export function extend(into: Bucket, step: number, value: number | null): void {
  into.count++;
  (into.last = value), (into.lastStep = step);
  if (value === null) return;
  if (into.lowest === null || value < into.lowest) (into.lowest = value), (into.lowestStep = step);
  if (into.highest === null || value > into.highest) (into.highest = value), (into.highestStep = step);
}

const BUCKETS = new ManyRows("INSERT OR REPLACE INTO bucket (metric, level, bucket, count, last, last_step, lowest, lowest_step, highest, highest_step) VALUES", 10);

/**
 * The pyramid of one metric as it grows. A bucket is stored once no later step can lie in it, and then once; those that still grow, one a level, are kept
 * here, and made again from finer ones after a restart. Readers take only buckets whose steps have all been passed.
 */
export class PyramidGrowth {
  #metric: number;
  /** Newest step added; −1 before the first. */
  #newest: number;
  /** By level: of the bucket that step newest + 1 lies in, what has come so far from the level below. */
  #open: (Bucket | undefined)[] = [];
  /** Buckets to be stored, one row after the other. */
  #closed: unknown[] = [];

  constructor(db: WritableDB, metric: number, newest: number) {
    this.#metric = metric;
    this.#newest = newest;
    if (newest < 0) return;
    const next = newest + 1, placeOf = (level: number) => Math.floor(next / width(level));
    for (let level = 1; level <= LEVELS; level++) {
      const first = placeOf(level) * FACTOR, parts = level === 1 ? readRows(db, metric, first, newest) : readBuckets(db, metric, level - 1, first, placeOf(level - 1));
      this.#open[level] = mergeAll(parts);
    }
  }

  /** Adds a value of a step after all others. */
  append(step: number, value: number | null): void {
    this.#pass(this.#newest + 1, step);
    const open = this.#open[1];
    if (open) extend(open, step, value);
    else this.#open[1] = single(step, value);
    this.#newest = step;
    this.#pass(step, step + 1);
  }

  /** Adds a value of a step before the newest one. */
  insert(db: WritableDB, step: number, value: number | null): void {
    this.write(db);
    for (let level = 1; level <= LEVELS; level++) {
      const place = Math.floor(step / width(level));
      if (place === Math.floor((this.#newest + 1) / width(level))) {
        const open = this.#open[level];
        if (open) merge(open, single(step, value));
        else this.#open[level] = single(step, value);
        return;
      }
      mergeIntoRow(db, this.#metric, level, place, single(step, value));
    }
  }

  /** Stores what has been closed. */
  write(db: WritableDB): void {
    if (this.#closed.length === 0) return;
    BUCKETS.insert(db, this.#closed);
    this.#closed = [];
  }

  /** Closes the buckets that hold one step and not a later one. */
  #pass(step: number, later: number): void {
    for (let level = 1, steps = FACTOR; level <= LEVELS; level++, steps *= FACTOR) {
      const place = Math.floor(step / steps);
      if (place === Math.floor(later / steps)) return;
      const bucket = this.#open[level];
      if (!bucket) continue;
      this.#closed.push(this.#metric, level, place, bucket.count, bucket.last, bucket.lastStep, bucket.lowest, bucket.lowestStep, bucket.highest, bucket.highestStep);
      this.#open[level] = undefined;
      if (level === LEVELS) return;
      const above = this.#open[level + 1];
      if (above) merge(above, bucket);
      else this.#open[level + 1] = bucket;
    }
  }
}

/** All of them as one bucket; undefined of none. */
export function mergeAll(parts: Iterable<Bucket>): Bucket | undefined {
  let total: Bucket | undefined;
  for (const part of parts) total ? merge(total, part) : (total = { ...part });
  return total;
}

function mergeIntoRow(db: WritableDB, metric: number, level: number, bucket: number, growth: Bucket): void {
  statement(db, `
    INSERT INTO bucket (metric, level, bucket, count, last, last_step, lowest, lowest_step, highest, highest_step)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      count = count + excluded.count,
      last = iif(excluded.last_step >= last_step, excluded.last, last),
      last_step = max(last_step, excluded.last_step),
      lowest_step = iif(excluded.lowest IS NOT NULL AND (lowest IS NULL OR excluded.lowest < lowest), excluded.lowest_step, lowest_step),
      lowest = iif(excluded.lowest IS NOT NULL AND (lowest IS NULL OR excluded.lowest < lowest), excluded.lowest, lowest),
      highest_step = iif(excluded.highest IS NOT NULL AND (highest IS NULL OR excluded.highest > highest), excluded.highest_step, highest_step),
      highest = iif(excluded.highest IS NOT NULL AND (highest IS NULL OR excluded.highest > highest), excluded.highest, highest)`)
    .run(metric, level, bucket, growth.count, growth.last, growth.lastStep, growth.lowest, growth.lowestStep, growth.highest, growth.highestStep);
}

const BUCKET_COLUMNS = `count, last, last_step AS lastStep, lowest, lowest_step AS lowestStep, highest, highest_step AS highestStep`;

/** Removes the buckets that steps after `newest` may lie in: they grow again. */
export function rewindPyramid(db: WritableDB, metric: number, newest: number): void {
  for (let level = 1; level <= LEVELS; level++)
    statement(db, "DELETE FROM bucket WHERE metric = ? AND level = ? AND bucket >= ?").run(metric, level, Math.floor((newest + 1) / width(level)));
}

/** Rows of steps `from` to `to`, both included. */
export function readRows(db: ReadableDB, metric: number, from: number, to: number): Bucket[] {
  return statement<{ step: number; value: number | null }>(db,
    "SELECT step, value FROM value WHERE metric = ? AND step BETWEEN ? AND ? ORDER BY step")
    .all(metric, from, to)
    .map(({ step, value }) => single(step, value));
}

function readBuckets(db: ReadableDB, metric: number, level: number, first: number, end: number): Bucket[] {
  return statement<Bucket>(db,
    `SELECT ${BUCKET_COLUMNS} FROM bucket WHERE metric = ? AND level = ? AND bucket >= ? AND bucket < ? ORDER BY bucket`)
    .all(metric, level, first, end);
}

/** How many rows (level 0) or buckets lie within steps `from` to `to`, counted no further than `limit`. */
function countWithin(db: ReadableDB, metric: number, level: number, from: number, to: number, limit: number): number {
  const sql = level === 0
    ? "SELECT count(*) AS n FROM (SELECT 1 FROM value WHERE metric = ? AND step BETWEEN ? AND ? LIMIT ?)"
    : `SELECT count(*) AS n FROM (SELECT 1 FROM bucket WHERE metric = ? AND level = ${level} AND bucket BETWEEN ? AND ? LIMIT ?)`;
  return statement<{ n: number }>(db, sql).get(metric, Math.floor(from / width(level)), Math.floor(to / width(level)), limit)!.n;
}

/** The finest level with at most `limit` buckets between the steps. */
export function finestLevel(db: ReadableDB, metric: number, from: number, to: number, limit: number): number {
  for (let level = 0; level < LEVELS; level++)
    if (countWithin(db, metric, level, from, to, limit + 1) <= limit) return level;
  return LEVELS;
}

/**
 * The values of steps `from` to `to`, both included, as buckets of at most `level`, in order and exact: where the range
 * cuts through a bucket, finer ones are read instead. `to` is no later than the newest step: what comes after it may still change its buckets.
 */
export function readRange(db: ReadableDB, metric: number, from: number, to: number, level: number): Bucket[] {
  if (from > to) return [];
  if (level === 0) return readRows(db, metric, from, to);
  const first = Math.ceil(from / width(level));
  const end = Math.floor((to + 1) / width(level));
  if (first >= end) return readRange(db, metric, from, to, level - 1);
  return [
    ...readRange(db, metric, from, first * width(level) - 1, level - 1),
    ...readBuckets(db, metric, level, first, end),
    ...readRange(db, metric, end * width(level), to, level - 1),
  ];
}
