// The pyramid that lets a chart of N points cost the same for ten thousand and ten million rows. Level 0 are the rows
// themselves; a bucket of level k covers 16^k steps and keeps the last, least and greatest value in it.
import { statement, type ReadableDB, type WritableDB } from "./database.ts";

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

/** One point as a bucket of its own. */
export const single = (step: number, value: number): Bucket => {
  const stored = Number.isNaN(value) ? null : value;
  return { count: 1, last: stored, lastStep: step, lowest: stored, lowestStep: step, highest: stored, highestStep: step };
};

/** Adds `other` to `into`. The order does not matter: last is decided by step. */
export function merge(into: Bucket, other: Bucket): void {
  into.count += other.count;
  if (other.lastStep >= into.lastStep) (into.last = other.last), (into.lastStep = other.lastStep);
  if (other.lowest !== null && (into.lowest === null || other.lowest < into.lowest))
    (into.lowest = other.lowest), (into.lowestStep = other.lowestStep);
  if (other.highest !== null && (into.highest === null || other.highest > into.highest))
    (into.highest = other.highest), (into.highestStep = other.highestStep);
}

/** New values of one metric, reduced to level-1 buckets before they go to the database. */
export class PyramidGrowth {
  readonly buckets = new Map<number, Bucket>();

  add(step: number, value: number): void {
    const bucket = Math.floor(step / FACTOR);
    const known = this.buckets.get(bucket);
    if (known) merge(known, single(step, value));
    else this.buckets.set(bucket, single(step, value));
  }

  /** Merges the growth into every level and returns all of it as one bucket. */
  write(db: WritableDB, metric: number): Bucket | null {
    let level = this.buckets;
    for (let k = 1; k <= LEVELS; k++) {
      const above = new Map<number, Bucket>();
      for (const [bucket, growth] of level) {
        mergeIntoRow(db, metric, k, bucket, growth);
        const parent = Math.floor(bucket / FACTOR);
        const known = above.get(parent);
        if (known) merge(known, growth);
        else above.set(parent, { ...growth });
      }
      level = above;
    }
    let total: Bucket | null = null;
    for (const growth of level.values()) total ? merge(total, growth) : (total = { ...growth });
    return total;
  }
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

/** Removes what lies after `step` from all levels. The rows themselves must be gone already. */
export function rewindPyramid(db: WritableDB, metric: number, step: number): void {
  for (let level = 1; level <= LEVELS; level++) {
    const straddling = Math.floor(step / width(level));
    statement(db, "DELETE FROM bucket WHERE metric = ? AND level = ? AND bucket >= ?").run(metric, level, Math.max(0, straddling));
    if (step < 0) continue;
    const parts = level === 1
      ? readRows(db, metric, straddling * FACTOR, step)
      : readBuckets(db, metric, level - 1, straddling * FACTOR, straddling * FACTOR + FACTOR);
    for (const part of parts) mergeIntoRow(db, metric, level, straddling, part);
  }
}

/** Rows of steps `from` to `to`, both included. */
export function readRows(db: ReadableDB, metric: number, from: number, to: number): Bucket[] {
  return statement<{ step: number; value: number | null }>(db,
    "SELECT step, value FROM value WHERE metric = ? AND step BETWEEN ? AND ? ORDER BY step")
    .all(metric, from, to)
    .map(({ step, value }) => ({ count: 1, last: value, lastStep: step, lowest: value, lowestStep: step, highest: value, highestStep: step }));
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
 * cuts through a bucket, finer ones are read instead.
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
