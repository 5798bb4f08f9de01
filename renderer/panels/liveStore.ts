// What all live things have in common: they are loaded once, and then fed with the rows that a run's subscription pushes.
import type { Client } from "../../contract/client.ts";
import type { RunRows } from "../../contract/handlers.ts";

export type Backend = Pick<Client, "send" | "subscribe" | "onConnection">;
/** Steps, both ends included; null shows all. */
export type StepRange = { from: number; to: number } | null;
export type LoadStatus = "loading" | "ready" | "error" | "absent";

export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Things that change outside React and tell whoever listens. */
export class Observable {
  private readonly listeners = new Set<() => void>();
  version = 0;
  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    return () => {
      this.listeners.delete(changed);
      if (this.listeners.size === 0) this.unwatched();
    };
  };
  get watched(): boolean {
    return this.listeners.size > 0;
  }
  protected unwatched(): void {}
  protected changed(): void {
    this.version++;
    for (const listener of [...this.listeners]) listener();
  }
}

/** A part of one run. Subclasses begin with `void this.load()` once they are made. */
export abstract class LiveStore extends Observable {
  status: LoadStatus = "loading";
  message: string | null = null;
  /** Pushes that came while the rest was on its way; some of their rows may be in it already. */
  private waiting: RunRows[] = [];
  protected readonly backend: Backend;
  protected readonly runId: string;

  constructor(backend: Backend, runId: string) {
    super();
    this.backend = backend;
    this.runId = runId;
  }

  async load(): Promise<void> {
    this.status = "loading";
    this.waiting = [];
    try {
      await this.fetch();
      this.settle();
      const waiting = this.waiting;
      this.waiting = [];
      for (const rows of waiting) this.take(rows);
    } catch (error) {
      this.status = "error";
      this.message = sentence(error);
    }
    this.changed();
  }

  /** Takes what was pushed. After an error nothing is taken: only loading again makes it whole. */
  take(rows: RunRows): void {
    if (this.status === "loading") this.waiting.push(rows);
    else if (this.status !== "error" && this.add(rows)) {
      this.settle();
      this.changed();
    }
  }

  private settle(): void {
    this.message = this.absence();
    this.status = this.message === null ? "ready" : "absent";
  }

  /** Asks the backend, and replaces what is held. */
  protected abstract fetch(): Promise<void>;
  /** Adds what was pushed, less what is held already. Returns whether anything changed. */
  protected abstract add(rows: RunRows): boolean;
  /** Says that there is nothing to show; null where there is something. */
  protected abstract absence(): string | null;
}

/** The part of a run within a range of steps, reduced to so many points; dropped when nobody looks at it any more. */
export abstract class LiveRange extends LiveStore {
  /** Newest row held. */
  protected cursor = 0;
  protected readonly range: StepRange;
  protected readonly points: number;
  private readonly dropped: () => void;

  constructor(backend: Backend, runId: string, range: StepRange, points: number, dropped: () => void) {
    super(backend, runId);
    this.range = range;
    this.points = points;
    this.dropped = dropped;
  }

  protected covers(step: number): boolean {
    return !this.range || (step >= this.range.from && step <= this.range.to);
  }

  protected override add(rows: RunRows): boolean {
    if (rows.cursor <= this.cursor) return false;
    this.cursor = rows.cursor;
    return this.append(rows);
  }

  /** Adds pushed rows that are all newer than those held. Returns whether anything changed. */
  protected abstract append(rows: RunRows): boolean;

  protected override unwatched(): void {
    this.dropped();
  }
}
