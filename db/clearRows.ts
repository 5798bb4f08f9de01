// Removing what a run's events made.
import { statement, type WritableDB } from "./database.ts";

const BY_METRIC = ["value", "bucket"] as const;
const BY_RUN = ["sample", "metric", "routing", "routing_step", "routing_layer", "alert", "log", "checkpoint", "rewind"] as const;

/** Removes all rows of a run but its own and, where asked, those that tell its followers what was superseded. Within the caller's transaction. */
export function clearRows(db: WritableDB, run: number, { keepRewinds = false } = {}): void {
  for (const table of BY_METRIC) statement(db, `DELETE FROM ${table} WHERE metric IN (SELECT metric FROM metric WHERE run = ?)`).run(run);
  for (const table of BY_RUN) if (!(keepRewinds && table === "rewind")) statement(db, `DELETE FROM ${table} WHERE run = ?`).run(run);
}
