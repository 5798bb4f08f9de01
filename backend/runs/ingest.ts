// All run directories of a home, followed into the database.
import { watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { sparseLayerCount } from "../../contract/modelSpec.ts";
import { importedFrom } from "../../contract/runSpec.ts";
import { transaction, type WritableDB } from "../../db/database.ts";
import { addRun, runIds, runKey } from "../../db/runRows.ts";
import type { RemoteView } from "../hosts/remoteView.ts";
import { plainReason } from "../personError.ts";
import { Follower, PATIENCE, type Patience } from "./follower.ts";
import { creationTime, isRunDirectory, readSpec, runDirectories } from "./runFiles.ts";

export interface IngestListener {
  /** The run's summary or rows changed. */
  changed(id: string): void;
  removed(id: string): void;
  /** Something went wrong that stops nobody else: one sentence, each said once. */
  problem(message: string, error?: unknown): void;
}

const TICK_MILLISECONDS = 150;
/** Every n-th tick also looks at processes, and at new and idle directories. */
const CONDITION_EVERY = 5;
const SCAN_EVERY = 14;
/** Many small batches cost far more than few large ones: a run that was just read waits this many times as long as that took, for each run that goes, and at most so many milliseconds. */
const REST = 48;
const MAX_REST_MILLISECONDS = 500;
/** An agent that follows many runs sends what is new of them together, up to half a second after it was written: a run that was read from there has rested until then. */
const MAX_REMOTE_REST_MILLISECONDS = 400;
/** What an agent sends of many runs comes within this time. */
const TOGETHER_MILLISECONDS = 25;
/** Runs that wait are read together, in one transaction, for so many milliseconds at most: then requests have their turn. */
const ROUND_MILLISECONDS = 20;
/** Idle directories looked at in one scan, in turn. */
const IDLE_PER_SCAN = 200;

export class Ingest {
  readonly followers = new Map<string, Follower>();
  #db: WritableDB;
  #runs: string;
  #listener: IngestListener;
  #patience: Patience;
  #remote: (id: string) => RemoteView | null;
  #timer: NodeJS.Timeout | null = null;
  #watcher: FSWatcher | null = null;
  #ticks = 0;
  #idleTurn = 0;
  /** Followers with events waiting; drained in turn, one batch each. */
  #pending = new Set<Follower>();
  /** Runs that were just read, and when half of their rest is over and when all of it. */
  #resting = new Map<Follower, { half: number; end: number }>();
  #waking: { timer: NodeJS.Timeout; at: number } | null = null;
  #draining: Promise<void> | null = null;
  #stopped = false;
  #refused = new Set<string>();
  #said = new Set<string>();

  constructor(db: WritableDB, runs: string, listener: IngestListener, patience: Patience = PATIENCE, remote: (id: string) => RemoteView | null = () => null) {
    this.#db = db;
    this.#runs = runs;
    this.#listener = listener;
    this.#patience = patience;
    this.#remote = remote;
  }

  /** Reattaches to all run directories and follows them until `stop`. Resolves once everything there is stored. */
  start(): Promise<void> {
    this.scan();
    this.#timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
    try {
      this.#watcher = watch(this.#runs, { persistent: false }, () => this.#guard("looking for new runs", () => this.scan()));
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      this.#watcher = null;
    }
    return this.settled();
  }

  /** Looks for directories that are new or gone. */
  scan(): void {
    const present = new Set(runDirectories(this.#runs));
    for (const id of present) if (!this.followers.has(id)) this.#guard(`run ${id}`, () => this.adopt(id));
    for (const id of runIds(this.#db)) if (!present.has(id)) this.#lose(id);
  }

  /** Takes a directory in. Returns its follower, or null when it holds no readable spec (yet). */
  adopt(id: string): Follower | null {
    const known = this.followers.get(id);
    if (known) return known;
    const directory = join(this.#runs, id);
    if (!isRunDirectory(directory)) return null;
    const run = runKey(this.#db, id) ?? this.#addRun(id, directory);
    if (run === null) return null;
    const follower = new Follower(this.#db, { id, run, directory }, this.#patience, this.#remote(id));
    this.followers.set(id, follower);
    this.refresh(follower);
    return follower;
  }

  /** Adds a directory to the database, or returns null when its spec can't be read. */
  #addRun(id: string, directory: string): number | null {
    const spec = readSpec(directory);
    if (!spec) {
      if (!this.#refused.has(id)) this.#listener.problem(`The folder ${directory} has no spec.json that this version reads; it is passed over.`);
      this.#refused.add(id);
      return null;
    }
    const shape = importedFrom(spec) ? { steps: 0, experts: null, sparseLayers: 0 }
      : { steps: spec.training.steps, experts: spec.model.sparse?.experts ?? null, sparseLayers: sparseLayerCount(spec.model) };
    return addRun(this.#db, { id, spec: JSON.stringify(spec), name: spec.name, ...shape, createdAt: creationTime(id), host: this.#remote(id)?.place ?? null });
  }

  /** Looks at a run now: its files, and its events as soon as the others allow. */
  refresh(follower: Follower): void {
    if (this.#stopped) return;
    this.#guard(`run ${follower.id}`, () => {
      if (follower.updateCondition()) this.#listener.changed(follower.id);
      this.#watch(follower);
    });
    follower.changedOnDisk();
    this.#queue(follower);
  }

  #watch(follower: Follower): void {
    if (follower.going) follower.watch(() => this.#queue(follower, true));
  }

  /** Events of a run on another machine have been copied: they are read with those of the runs that come along with it. */
  arrived(id: string): void {
    const follower = this.followers.get(id);
    if (!follower || this.#stopped) return;
    follower.waiting = true;
    if (!this.#resting.has(follower)) this.#rest(follower, TOGETHER_MILLISECONDS);
  }

  /** Stops following a run whose directory is about to be removed. */
  forget(id: string): void {
    const follower = this.followers.get(id);
    follower?.unwatch();
    if (follower) this.#pending.delete(follower), this.#resting.delete(follower);
    this.followers.delete(id);
  }

  /** Resolves when no events wait. */
  async settled(): Promise<void> {
    while (this.#draining) await this.#draining;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearInterval(this.#timer);
    this.#watcher?.close();
    clearTimeout(this.#waking?.timer);
    this.#pending.clear();
    this.#resting.clear();
    for (const follower of this.followers.values()) follower.unwatch();
    await this.settled();
  }

  #tick(): void {
    this.#ticks++;
    const conditions = this.#ticks % CONDITION_EVERY === 0;
    for (const follower of this.followers.values()) {
      if (!follower.going) continue;
      this.#queue(follower, true);
      if (!conditions) continue;
      this.#guard(`run ${follower.id}`, () => { if (follower.updateCondition()) this.#listener.changed(follower.id); });
      if (!this.#resting.has(follower)) this.#watch(follower);
    }
    if (this.#ticks % SCAN_EVERY === 0) this.#guard("looking for new runs", () => {
      this.scan();
      this.#lookAtIdle();
    });
  }

  /** A run that had ended may have been started again by hand. */
  #lookAtIdle(): void {
    const idle = [...this.followers.values()].filter(({ going }) => !going);
    for (let i = 0; i < Math.min(IDLE_PER_SCAN, idle.length); i++) {
      const follower = idle[this.#idleTurn++ % idle.length]!;
      if (follower.changedOnDisk()) this.refresh(follower);
    }
  }

  /** @param rest whether a run that was just read may wait a while */
  #queue(follower: Follower, rest = false): void {
    if (this.#stopped || !this.followers.has(follower.id)) return;
    if (rest && (this.#resting.has(follower) || !follower.waiting)) return;
    this.#pending.add(follower);
    this.#draining ??= this.#drain().finally(() => { this.#draining = null; });
  }

  async #drain(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#pending.size > 0 && !this.#stopped) {
      this.#round();
      await new Promise(setImmediate);
    }
  }

  /** Stores a batch of each run that waits, as far as there is time. */
  #round(): void {
    const end = performance.now() + ROUND_MILLISECONDS, waiting = [...this.#pending];
    let stored = 0;
    try {
      transaction(this.#db, () => { do this.#store(waiting[stored]!); while (++stored < waiting.length && performance.now() < end); });
    } catch {
      // One that can't be stored must not hold up the others: each by itself.
      for (const follower of waiting.slice(0, stored + 1)) this.#guard(`run ${follower.id}`, () => this.#store(follower));
    }
  }

  /** Stores one batch. */
  #store(follower: Follower): void {
    this.#pending.delete(follower);
    if (this.followers.get(follower.id) !== follower) return;
    const began = performance.now(), { applied, more, restarted } = follower.readBatch(), took = performance.now() - began;
    if (more) this.#pending.add(follower);
    else if (applied > 0) this.#rest(follower, Math.min(follower.remote?.announces ? MAX_REMOTE_REST_MILLISECONDS : MAX_REST_MILLISECONDS, REST * took * this.#going));
    if (applied === 0 && !restarted) return;
    if (follower.preparing) follower.updateCondition();
    this.#listener.changed(follower.id);
  }

  /** What comes meanwhile is read together, once it has rested. */
  #rest(follower: Follower, milliseconds: number): void {
    const now = performance.now();
    this.#resting.set(follower, { half: now + milliseconds / 2, end: now + milliseconds });
    // Who rests for longer than between two looks need not be told of each change.
    if (milliseconds > TICK_MILLISECONDS) follower.unwatch();
    this.#wakeAt(now + milliseconds);
  }

  #wakeAt(at: number): void {
    if (this.#waking && this.#waking.at <= at) return;
    clearTimeout(this.#waking?.timer);
    this.#waking = { at, timer: setTimeout(() => this.#wake(), Math.max(1, at - performance.now())).unref() };
  }

  /** The first to have rested takes along those that have for the most part: from then on they are read together. */
  #wake(): void {
    this.#waking = null;
    const now = performance.now(), ended = [...this.#resting.values()].some(({ end }) => end <= now);
    let next = Infinity;
    for (const [follower, { half, end }] of this.#resting)
      if (ended && half <= now) this.#resting.delete(follower), this.#queue(follower, true);
      else next = Math.min(next, end);
    if (next < Infinity) this.#wakeAt(next);
  }

  get #going(): number {
    let count = 0;
    for (const { going } of this.followers.values()) if (going) count++;
    return count;
  }

  #lose(id: string): void {
    this.forget(id);
    const run = runKey(this.#db, id);
    // A folder that was taken away by hand leaves its rows: they are all that is left of it.
    if (run === null || this.#refused.has(id)) return;
    this.#refused.add(id);
    this.#listener.problem(`The folder of run ${id} is gone; what was recorded is still shown.`);
  }

  #guard<T>(what: string, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      const { path, code, message } = error as NodeJS.ErrnoException, reason = code === "ENOENT" ? message : plainReason(error);
      const sentence = `Reading ${what} failed: ${reason}${path && reason !== message ? ` (${path})` : ""}`;
      if (!this.#said.has(sentence)) this.#listener.problem(sentence, error);
      this.#said.add(sentence);
      return null;
    }
  }
}
