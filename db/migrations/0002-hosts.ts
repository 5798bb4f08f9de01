// Where a run is trained: the host or cluster of one that is mirrored from another machine. The status "unreachable" came with it, which an earlier
// version would not understand.
import type Database from "better-sqlite3";

export const subject = "hosts of runs on other machines";

export function up(db: Database.Database): void {
  db.exec("ALTER TABLE run ADD COLUMN host TEXT");
}
