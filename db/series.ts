// What a chart reads: at most the points asked for, whatever the run's length.
import { toWire } from "../contract/events.ts";
import type { Series } from "../contract/handlers.ts";
import { statement, type ReadableDB } from "./database.ts";
import { finestLevel, FACTOR, merge, readRange, type Bucket } from "./reductionPyramid.ts";
import { timed } from "./slowQueries.ts";

export interface SeriesQuery { name: string; points: number; from?: number | undefined; to?: number | undefined }

const number = (stored: number | null) => toWire(stored ?? NaN);

/**
 * One metric of a run between two steps (both included), as at most `points` buckets of neighbouring rows, each at its
 * last step. Null when there is no such run. A metric never recorded is an empty series.
 */
export function readSeries(db: ReadableDB, id: string, query: SeriesQuery): Series | null {
  return timed(`series ${query.name}`, () => {
    const run = statement<{ run: number; ordinal: number }>(db, "SELECT run, ordinal FROM run WHERE id = ?").get(id);
    if (!run) return null;
    const metric = statement<{ metric: number; last_step: number }>(db, "SELECT metric, last_step FROM metric WHERE run = ? AND name = ?").get(run.run, query.name);
    const from = query.from ?? 0;
    const to = Math.min(query.to ?? Infinity, metric?.last_step ?? -1);
    const { buckets, reduced } = metric ? reduce(db, metric.metric, from, to, query.points) : { buckets: [], reduced: false };
    const sample = statement<{ tokens: number; seconds: number }>(db, `
      SELECT tokens, seconds FROM sample WHERE run = ? AND step = ? ORDER BY evaluation = ? DESC LIMIT 1`);
    const evaluation = Number(query.name.startsWith("evaluation."));
    const shared = buckets.map((bucket) => sample.get(run.run, bucket.lastStep, evaluation));
    return {
      name: query.name, reduced, count: buckets.reduce((sum, bucket) => sum + bucket.count, 0),
      step: buckets.map((bucket) => bucket.lastStep),
      tokens: shared.map((row) => row?.tokens ?? 0),
      seconds: shared.map((row) => row?.seconds ?? 0),
      last: buckets.map((bucket) => number(bucket.last)),
      min: buckets.map((bucket) => number(bucket.lowest)),
      max: buckets.map((bucket) => number(bucket.highest)),
      cursor: run.ordinal,
    };
  });
}

function reduce(db: ReadableDB, metric: number, from: number, to: number, points: number): { buckets: Bucket[]; reduced: boolean } {
  if (from > to) return { buckets: [], reduced: false };
  const level = finestLevel(db, metric, from, to, points * FACTOR);
  const fine = readRange(db, metric, from, to, level);
  if (fine.length <= points) return { buckets: fine, reduced: level > 0 };
  const buckets: Bucket[] = [];
  fine.forEach((part, i) => {
    const place = Math.floor((i * points) / fine.length);
    if (place === buckets.length) buckets.push({ ...part });
    else merge(buckets[place]!, part);
  });
  return { buckets, reduced: true };
}
