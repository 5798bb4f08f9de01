import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { atLeast, openReadable, openWritable, OLDEST_SQLITE, sqliteVersion, transaction } from "./database.ts";
import { takeLock } from "./lock.ts";
import { databaseVersion, migrate, migrations, NewerDatabaseError, type Migration } from "./migrate.ts";
import { openOrRebuild } from "./openOrRebuild.ts";
import { onSlowQuery, timed } from "./slowQueries.ts";
import { packRouting, unpackRouting } from "./routingPacking.ts";

const directory = mkdtempSync(join(tmpdir(), "switchyard-db-"));
afterAll(() => rmSync(directory, { recursive: true }));
const file = (name: string) => join(directory, name);

test("SQLite is new enough, and an older one would be told apart", () => {
  const db = new Database(":memory:");
  expect(atLeast(sqliteVersion(db), OLDEST_SQLITE)).toBe(true);
  expect(atLeast("3.51.2", OLDEST_SQLITE)).toBe(false);
  expect(atLeast("3.50.10", OLDEST_SQLITE)).toBe(false);
  expect(atLeast("4.0.0", OLDEST_SQLITE)).toBe(true);
});

test("migration 1 makes STRICT tables in an empty database", () => {
  const db = new Database(file("first.db"));
  migrate(db, migrations.slice(0, 1));
  expect(databaseVersion(db)).toBe(1);
  const tables = db.prepare<[], { name: string; strict: number }>("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'").all();
  expect(tables.map(({ name }) => name)).toContain("routing");
  expect(tables.filter(({ strict }) => strict !== 1)).toEqual([]);
  expect(() => db.exec("INSERT INTO rewind (run, ordinal, after_step) VALUES (1, 'x', 0)")).toThrow();
  db.close();
});

test("migration 2 brings where a run is, and what was there stays on this machine", () => {
  const db = new Database(file("second.db"));
  migrate(db, migrations.slice(0, 1));
  db.exec("INSERT INTO run (id, spec, name, colour, created_at, steps, sparse_layers) VALUES ('a', '{}', 'kept', 0, 1, 1, 0)");
  migrate(db, migrations.slice(0, 2));
  expect(db.prepare("SELECT name, host FROM run").all()).toEqual([{ name: "kept", host: null }]);
  db.close();
});

test("a database of the version before keeps its rows through the next migration", () => {
  const db = new Database(file("before.db"));
  migrate(db);
  db.exec("INSERT INTO run (id, spec, name, colour, created_at, steps, sparse_layers) VALUES ('a', '{}', 'kept', 0, 1, 1, 0)");
  const before = databaseVersion(db);
  const next: Migration = { subject: "a column", up: (target) => target.exec("ALTER TABLE run ADD COLUMN added INTEGER NOT NULL DEFAULT 7") };
  migrate(db, [...migrations, next]);
  expect(databaseVersion(db)).toBe(before + 1);
  expect(db.prepare("SELECT name, added FROM run").get()).toEqual({ name: "kept", added: 7 });
  const broken: Migration = { subject: "fails half-way", up: (target) => target.exec("CREATE TABLE half (a INTEGER) STRICT; SELECT nothing FROM nowhere") };
  expect(() => migrate(db, [...migrations, next, broken])).toThrow();
  expect(databaseVersion(db)).toBe(before + 1);
  expect(db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'").get()).toEqual({ n: 0 });
  db.close();
});

test("a database of a newer Switchyard is refused with a sentence and left as it was", () => {
  const db = new Database(file("newer.db"));
  db.pragma("user_version = 999");
  db.close();
  const before = readFileSync(file("newer.db"));
  expect(() => openOrRebuild(file("newer.db"))).toThrow(NewerDatabaseError);
  expect(() => openOrRebuild(file("newer.db"))).toThrow(/version 999.*start the newer Switchyard/);
  const after = new Database(file("newer.db"), { readonly: true });
  expect(databaseVersion(after)).toBe(999);
  after.close();
  expect(readFileSync(file("newer.db")).length).toBe(before.length);
});

test("a file that is no database is set aside, with a sentence that says where", () => {
  writeFileSync(file("garbage.db"), "this is no database".repeat(1000));
  const { db, rebuilt } = openOrRebuild(file("garbage.db"));
  expect(rebuilt).toContain("garbage.db.damaged");
  expect(readFileSync(file("garbage.db.damaged"), "utf8")).toContain("this is no database");
  expect(databaseVersion(db)).toBe(migrations.length);
  db.close();
});

test("damage inside is found when asked to look, and a second one does not overwrite the first", () => {
  const name = file("inside.db");
  for (const aside of ["inside.db.damaged", "inside.db.damaged-2"]) {
    const db = openWritable(name);
    transaction(db, () => {
      for (let i = 0; i < 3000; i++) db.prepare("INSERT INTO run (id, spec, name, colour, created_at, steps, sparse_layers) VALUES (?, '{}', 'x', 0, 1, 1, 0)").run(`run ${i}`);
    });
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    const bytes = readFileSync(name);
    bytes.fill(0xff, 4096 * 20, 4096 * 30);
    writeFileSync(name, bytes);
    const opened = openOrRebuild(name, true);
    expect(opened.rebuilt).toContain(aside);
    expect(existsSync(file(aside))).toBe(true);
    expect(opened.db.prepare("SELECT count(*) AS n FROM run").get()).toEqual({ n: 0 });
    opened.db.close();
  }
  copyFileSync(name, file("sound.db"));
  const sound = openOrRebuild(file("sound.db"), true);
  expect(sound.rebuilt).toBeNull();
  sound.db.close();
});

test("a reader can't write", () => {
  openWritable(file("readers.db")).close();
  const reader = openReadable(file("readers.db"));
  expect(() => reader.exec("DELETE FROM run")).toThrow();
  reader.close();
});

test("the lock is held by one process and given back when its holder is killed", () => {
  const held = takeLock(file("lock"))!;
  expect(takeLock(file("lock"))).toBeNull();
  held.release();
  const module = new URL("./lock.ts", import.meta.url).href;
  const child = spawnSync(process.execPath, ["-e", `import(${JSON.stringify(module)}).then(({ takeLock }) => { if (takeLock(${JSON.stringify(file("lock"))})) process.kill(process.pid, "SIGKILL"); })`]);
  expect(child.signal).toBe("SIGKILL");
  const again = takeLock(file("lock"));
  expect(again).not.toBeNull();
  again!.release();
});

test("slow queries are named", () => {
  const seen: string[] = [];
  onSlowQuery((name) => seen.push(name));
  timed("quick", () => {});
  timed("slow", () => { const end = performance.now() + 120; while (performance.now() < end); });
  expect(seen).toEqual(["slow"]);
});

test("a packed routing record comes back exactly, in few bytes", () => {
  const record = {
    experts: 128, capacity: 40, groups: 2 ** 40, tokens: 4096, load: Array.from({ length: 128 }, (_, i) => i), kept: Array.from({ length: 128 }, (_, i) => i * 1000),
    probability: Array.from({ length: 128 }, (_, i) => Math.fround(i / 3)), entropy: 1 / 3, confidence: "NaN" as const, dropped: "-Infinity" as const, auxiliaryLoss: "Infinity" as const, zLoss: -0.1,
    dropAtCapacityFactor: [[0.25, 0.1], [1, 1 / 3]] as [number, number][],
  };
  const packed = packRouting(record);
  expect(unpackRouting(packed)).toEqual(record);
  expect(packed.length).toBeLessThan(128 * (1 + 4 + 4) + 200);
  expect(() => unpackRouting(Buffer.from([9, 0, 0]))).toThrow(/version 9/);
});
