// The database of a home directory. A damaged one is set aside and made again from the run directories, which hold
// everything but the names, tags and notes given since.
import { existsSync, renameSync } from "node:fs";
import { openReadable, openWritable, type WritableDB } from "./database.ts";

export interface OpenedDatabase {
  db: WritableDB;
  /** One sentence for the person when the database had to be set aside. */
  rebuilt: string | null;
}

const DAMAGE = new Set(["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT_INDEX", "SQLITE_CORRUPT_VTAB", "SQLITE_CORRUPT_SEQUENCE"]);
export const isDamage = (error: unknown): boolean => error instanceof Error && DAMAGE.has((error as { code?: string }).code ?? "");

/** Whether the file passes SQLite's own quick check. Reads every page once. */
function isSound(file: string): boolean {
  let db;
  try {
    db = openReadable(file);
    return db.pragma("quick_check(1)", { simple: true }) === "ok";
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  } finally {
    db?.close();
  }
}

/**
 * Opens the database, and sets a damaged one aside.
 * @param check read every page first: after a crash, or when a query met damage.
 * @throws NewerDatabaseError for one of a newer Switchyard, which is left alone.
 */
export function openOrRebuild(file: string, check = false): OpenedDatabase {
  try {
    if (!check || !existsSync(file) || isSound(file)) return { db: openWritable(file), rebuilt: null };
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  const aside = unusedName(`${file}.damaged`);
  for (const suffix of ["", "-wal", "-shm"]) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  return {
    db: openWritable(file),
    rebuilt: `The database was damaged: it is kept as ${aside}, and a new one is being filled from the run directories. Names, tags, notes and colours given to runs are lost.`,
  };
}

function unusedName(wanted: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!existsSync(name)) return name;
  }
}
