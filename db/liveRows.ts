// Rows of a run after a cursor: what a panel that follows the run has not seen yet.
import { toWire } from "../contract/events.ts";
import type { RunRows } from "../contract/handlers.ts";
import { statement, type ReadableDB } from "./database.ts";
import { alertsBetween, checkpointsChangedBetween, logBetween } from "./eventRows.ts";
import { routingBetween } from "./routingRows.ts";
import { newestOrdinal } from "./runRows.ts";
import { timed } from "./slowQueries.ts";

/** Most events in one push; a follower that is far behind gets several. */
export const ROWS_PER_PUSH = 1000;

/** The next rows after `cursor`, oldest first, or null when there are none. */
export function rowsAfter(db: ReadableDB, run: number, cursor: number): RunRows | null {
  const newest = newestOrdinal(db, run);
  if (cursor === newest) return null;
  // A cursor from the future belongs to a database that was rebuilt since: all its rows are void.
  const ahead = cursor > newest;
  const after = ahead ? 0 : cursor;
  const upTo = Math.min(newest, after + ROWS_PER_PUSH);
  return timed("live rows", () => {
    const reset = statement<{ step: number | null }>(db, "SELECT min(after_step) AS step FROM rewind WHERE run = ? AND ordinal > ? AND ordinal <= ?").get(run, after, upTo)!.step;
    return {
      cursor: upTo, resetAfterStep: ahead ? -1 : reset,
      metrics: samplesBetween(db, run, after, upTo), routing: routingBetween(db, run, after, upTo),
      alerts: alertsBetween(db, run, after, upTo), log: logBetween(db, run, after, upTo),
      checkpointsChanged: checkpointsChangedBetween(db, run, after, upTo),
    };
  });
}

function samplesBetween(db: ReadableDB, run: number, after: number, upTo: number): RunRows["metrics"] {
  const metrics = statement<{ metric: number; name: string }>(db, "SELECT metric, name FROM metric WHERE run = ?").all(run);
  const value = statement<{ value: number | null }>(db, "SELECT value FROM value WHERE metric = ? AND step = ?");
  return statement<{ step: number; evaluation: number; tokens: number; seconds: number }>(db,
    "SELECT step, evaluation, tokens, seconds FROM sample WHERE run = ? AND ordinal > ? AND ordinal <= ? ORDER BY ordinal")
    .all(run, after, upTo)
    .map(({ step, evaluation, tokens, seconds }) => {
      const values: RunRows["metrics"][number]["values"] = {};
      for (const { metric, name } of metrics) {
        if (name.startsWith("evaluation.") !== (evaluation === 1)) continue;
        const row = value.get(metric, step);
        if (row) values[name] = toWire(row.value ?? NaN);
      }
      return { step, tokens, seconds, values };
    });
}
