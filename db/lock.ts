// One process at a time writes a home directory. The lock is SQLite's own lock on a file of its own: the kernel gives it
// back the moment its holder dies, however it dies, so there is no stale lock to clear.
import Database from "better-sqlite3";

export interface Lock { release(): void }

/** Takes the lock, or returns null when another process holds it. */
export function takeLock(file: string): Lock | null {
  const db = new Database(file, { timeout: 0 });
  try {
    // Nothing is ever written to it, so it needs no journal beside it.
    db.pragma("journal_mode = MEMORY");
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith("SQLITE_BUSY")) return null;
    throw error;
  }
  return { release: () => db.close() };
}
