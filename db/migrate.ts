// Numbered migrations. PRAGMA user_version holds the number of the newest one applied.
import type Database from "better-sqlite3";
import * as first from "./migrations/0001-runs.ts";
import * as second from "./migrations/0002-hosts.ts";

export interface Migration {
  /** What the migration brings, for its log line. */
  readonly subject: string;
  up(db: Database.Database): void;
}

/** Migration n is at index n − 1. A released one never changes; what it got wrong the next one mends. */
export const migrations: readonly Migration[] = [first, second];

/** The database was written by a newer Switchyard; nothing was changed. */
export class NewerDatabaseError extends Error {
  constructor(found: number, known: number) {
    super(`The database is of version ${found}, and this Switchyard knows versions up to ${known}; start the newer Switchyard that wrote it, or choose another folder with --home.`);
  }
}

export const databaseVersion = (db: Database.Database): number => db.pragma("user_version", { simple: true }) as number;

/** Brings the database to the newest version, each step in its own transaction. */
export function migrate(db: Database.Database, steps: readonly Migration[] = migrations): void {
  if (databaseVersion(db) > steps.length) throw new NewerDatabaseError(databaseVersion(db), steps.length);
  for (let version = databaseVersion(db); version < steps.length; version++) {
    db.transaction(() => {
      // Another process may have migrated while this one waited for the lock.
      if (databaseVersion(db) !== version) return;
      steps[version]!.up(db);
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
}
