// Deleting is marking; files go when the time for second thoughts is over.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { WritableDB } from "../../db/database.ts";
import { listRuns, removeRun, runKey } from "../../db/runRows.ts";
import { UNFINISHED } from "./launch.ts";
import { creationTime } from "./runFiles.ts";

/** How long a deleted run can be restored, in seconds. */
export const RESTORABLE_SECONDS = 7 * 24 * 3600;
const PURGED = ".purged-";
/** A run directory that has been in the making for longer than this, in seconds, is nobody's any more. */
const MAKING_SECONDS = 3600;

/** Removes a run's files and rows for good. The rename comes first, so that a half-removed directory is never adopted. */
export function purge(db: WritableDB, runs: string, id: string): void {
  const aside = join(runs, PURGED + id);
  if (existsSync(join(runs, id))) renameSync(join(runs, id), aside);
  const run = runKey(db, id);
  if (run !== null) removeRun(db, run);
  rmSync(aside, { recursive: true, force: true });
}

/** Removes runs deleted more than RESTORABLE_SECONDS ago, and what an interrupted removal or start left. The caller holds the home's lock. */
export function purgeExpired(db: WritableDB, runs: string, now = Date.now() / 1000): string[] {
  const abandoned = (name: string) => name.startsWith(UNFINISHED) && !(now - creationTime(name.slice(UNFINISHED.length)) < MAKING_SECONDS);
  for (const name of readdirSync(runs)) if (name.startsWith(PURGED) || abandoned(name)) rmSync(join(runs, name), { recursive: true, force: true });
  const expired = listRuns(db).filter(({ deletedAt }) => deletedAt !== null && now - deletedAt > RESTORABLE_SECONDS).map(({ id }) => id);
  for (const id of expired) purge(db, runs, id);
  return expired;
}
