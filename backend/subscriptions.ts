// What clients follow. Changes are gathered and pushed at most ten times a second; a client whose connection is slow gets
// fewer and larger pushes, never a growing queue.
import type { Push, Topic } from "../contract/handlers.ts";
import type { ReadableDB } from "../db/database.ts";
import { rowsAfter } from "../db/liveRows.ts";
import { listRuns, readRun, runKey } from "../db/runRows.ts";

export interface Follow {
  push(value: Push<Topic>): void;
  /** Whether the connection still has to send what it was given. */
  congested(): boolean;
  /** Ends what is followed with an error. */
  fail(error: unknown): void;
}

const PUSH_EVERY_MILLISECONDS = 100;
const DEVICES_EVERY_MILLISECONDS = 2000;
/** Pushes of rows to one follower at a time, so that one far behind does not hold up the others. */
const PUSHES_AT_ONCE = 4;

interface RunsFollow { follow: Follow; changed: Set<string>; removed: Set<string>; started: boolean }
interface RowsFollow { follow: Follow; id: string; cursor: number; dirty: boolean }

export class Subscriptions {
  #db: ReadableDB;
  #readDevices: () => Promise<Push<"devices">>;
  #runs = new Set<RunsFollow>();
  #rows = new Set<RowsFollow>();
  #devices = new Set<Follow>();
  #timer: NodeJS.Timeout | null = null;
  #devicesTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(db: ReadableDB, readDevices: () => Promise<Push<"devices">>) {
    this.#db = db;
    this.#readDevices = readDevices;
  }

  /** Follows all runs: first all of them, then those that change. Returns the function that ends it. */
  followRuns(follow: Follow): () => void {
    const entry: RunsFollow = { follow, changed: new Set(), removed: new Set(), started: false };
    this.#runs.add(entry);
    this.#schedule(0);
    return () => void this.#runs.delete(entry);
  }

  /** Follows the rows of one run after a cursor. */
  followRows(id: string, after: number, follow: Follow): () => void {
    const entry: RowsFollow = { follow, id, cursor: after, dirty: true };
    this.#rows.add(entry);
    this.#schedule(0);
    return () => void this.#rows.delete(entry);
  }

  /** Follows the devices; they are read only while somebody does. */
  followDevices(follow: Follow): () => void {
    this.#devices.add(follow);
    if (this.#devices.size === 1) this.#readAndPushDevices();
    else void this.#readDevices().then((devices) => follow.push(devices), () => {});
    return () => void this.#devices.delete(follow);
  }

  changed(id: string): void {
    for (const entry of this.#runs) entry.changed.add(id);
    for (const entry of this.#rows) if (entry.id === id) entry.dirty = true;
    this.#schedule(PUSH_EVERY_MILLISECONDS);
  }

  removed(id: string): void {
    for (const entry of this.#runs) entry.changed.delete(id), entry.removed.add(id);
    this.#schedule(PUSH_EVERY_MILLISECONDS);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#devicesTimer) clearTimeout(this.#devicesTimer);
    for (const set of [this.#runs, this.#rows, this.#devices]) set.clear();
  }

  #schedule(milliseconds: number): void {
    if (this.#closed) return;
    if (milliseconds === 0) void Promise.resolve().then(() => this.#flush());
    else this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, milliseconds);
  }

  #flush(): void {
    if (this.#closed) return;
    let waiting = false;
    for (const entry of this.#runs) waiting = this.#pushRuns(entry) || waiting;
    for (const entry of this.#rows) waiting = this.#pushRows(entry) || waiting;
    if (waiting) this.#schedule(PUSH_EVERY_MILLISECONDS);
  }

  /** Returns whether something is left to push. */
  #pushRuns(entry: RunsFollow): boolean {
    if (entry.started && entry.changed.size === 0 && entry.removed.size === 0) return false;
    if (entry.follow.congested()) return true;
    const changed = entry.started
      ? [...entry.changed].flatMap((id) => {
          const run = runKey(this.#db, id);
          const summary = run === null ? null : readRun(this.#db, run, false);
          return summary ? [summary] : [];
        })
      : listRuns(this.#db);
    const removed = [...entry.removed];
    entry.started = true;
    entry.changed.clear();
    entry.removed.clear();
    entry.follow.push({ changed, removed });
    return false;
  }

  #pushRows(entry: RowsFollow): boolean {
    if (!entry.dirty) return false;
    const run = runKey(this.#db, entry.id);
    if (run === null) return false;
    for (let pushes = 0; pushes < PUSHES_AT_ONCE; pushes++) {
      if (entry.follow.congested()) return true;
      const rows = rowsAfter(this.#db, run, entry.cursor);
      if (!rows) {
        entry.dirty = false;
        return false;
      }
      entry.cursor = rows.cursor;
      entry.follow.push(rows);
    }
    return true;
  }

  #readAndPushDevices(): void {
    if (this.#devicesTimer) clearTimeout(this.#devicesTimer);
    this.#devicesTimer = null;
    void this.#readDevices()
      .then((devices) => { for (const follow of this.#devices) if (!follow.congested()) follow.push(devices); }, () => {})
      .finally(() => {
        if (this.#devices.size > 0 && !this.#closed && !this.#devicesTimer)
          this.#devicesTimer = setTimeout(() => this.#readAndPushDevices(), DEVICES_EVERY_MILLISECONDS).unref();
      });
  }
}
