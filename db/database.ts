// The only door to SQLite. One writer, in the backend's main thread; readers in worker threads or beside the writer.
import Database from "better-sqlite3";
import { migrate } from "./migrate.ts";

declare const readable: unique symbol;
declare const writable: unique symbol;
/** A handle that may read. A writer is a reader too; the reverse does not type-check. */
export type ReadableDB = Database.Database & { readonly [readable]: true };
export type WritableDB = ReadableDB & { readonly [writable]: true };

/** Older versions can corrupt a WAL that is being reset while another connection writes. */
export const OLDEST_SQLITE = "3.51.3";

/** Whether dotted version `a` is at least `b`. */
export function atLeast(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < 3; i++) if ((left[i] ?? 0) !== (right[i] ?? 0)) return (left[i] ?? 0) > (right[i] ?? 0);
  return true;
}

export function sqliteVersion(db: Database.Database): string {
  return db.prepare<[], { version: string }>("SELECT sqlite_version() AS version").get()!.version;
}

function assertVersion(db: Database.Database): void {
  const version = sqliteVersion(db);
  if (!atLeast(version, OLDEST_SQLITE))
    throw new Error(`SQLite ${version} is too old: Switchyard needs ${OLDEST_SQLITE} or newer. Run npm ci again.`);
}

/**
 * Opens the database for writing, created and migrated to the newest version where needed.
 * @throws NewerDatabaseError when a newer Switchyard wrote it; SqliteError when the file is damaged.
 */
export function openWritable(file: string): WritableDB {
  const db = new Database(file);
  try {
    assertVersion(db);
    db.pragma("journal_mode = WAL");
    // In WAL mode NORMAL survives every crash of the process. A power cut may take the newest transactions, which are
    // then read again from the run directories: rows and offset live in the same transaction.
    db.pragma("synchronous = NORMAL");
    // Looking up the run of each row costs a seventh of storing it, and no key comes from elsewhere than the lines above it; clearRows.ts removes what belongs together.
    db.pragma("foreign_keys = OFF");
    // The newest rows of many runs lie on the same pages again and again: 32 MiB of them are brought into the database at once, not 4.
    db.pragma("wal_autocheckpoint = 8192");
    db.pragma("busy_timeout = 5000");
    db.pragma("cache_size = -65536");
    db.pragma("trusted_schema = OFF");
    migrate(db);
    return db as WritableDB;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing database for reading alone. */
export function openReadable(file: string): ReadableDB {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  assertVersion(db);
  db.pragma("busy_timeout = 5000");
  db.pragma("cache_size = -32768");
  db.pragma("query_only = ON");
  db.pragma("trusted_schema = OFF");
  return db as ReadableDB;
}

/**
 * Runs `work` in one transaction: all of it happens or none. Takes the write lock at once, so it never fails half-way.
 * Within another one it is a part of that, which whoever began it must let fail when this fails.
 */
export function transaction<T>(db: WritableDB, work: () => T): T {
  return db.inTransaction ? work() : db.transaction(work).immediate();
}

const statements = new WeakMap<Database.Database, Map<string, Database.Statement>>();
/** The compiled statement of a query, compiled once a connection. */
export function statement<Row = unknown>(db: ReadableDB, sql: string): Database.Statement<unknown[], Row> {
  let known = statements.get(db);
  if (!known) statements.set(db, (known = new Map()));
  let compiled = known.get(sql);
  if (!compiled) known.set(sql, (compiled = db.prepare(sql)));
  return compiled as Database.Statement<unknown[], Row>;
}
