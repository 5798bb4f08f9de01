// Routing of one run, live: the rows at a step, the steps there are, and each layer over time.
import type { RoutingRow, RunRows } from "../../contract/handlers.ts";
import { indexAtOrBefore } from "../charts/bucketSeries.ts";
import { HistoryBuffer, type HistoryStep } from "./routingHistory.ts";
import { Observable, sentence, type Backend, type StepRange } from "./liveSeries.ts";
import { layerKey } from "./routingFacts.ts";

export type Layer = { stack: "encoder" | "decoder"; layer: number };
export type LoadStatus = "loading" | "ready" | "error" | "absent";

/** Rows of at most so many steps are kept for scrubbing back and forth. */
const STEPS_KEPT = 256;
/** The slider's steps; beyond this many every second one goes. */
const STEP_LIMIT = 4000;

/** All recorded steps, thinned, and the rows at the one that is shown. */
export class LiveRouting extends Observable {
  status: LoadStatus = "loading";
  message: string | null = null;
  /** Steps with a record, growing. */
  steps: number[] = [];
  /** The rows shown last: they stay on screen while those of another step are on their way. */
  shown: RoutingRow[] | null = null;
  private readonly rowsByStep = new Map<number, RoutingRow[]>();
  /** The step whose rows are on their way, and the one wanted last: dragging the slider skips those in between. */
  private asking: number | null = null;
  private wanted: number | null = null;
  private readonly failed = new Map<number, string>();
  private layersExpected = 0;
  private waiting: RunRows[] = [];

  private readonly backend: Backend;
  private readonly runId: string;

  constructor(backend: Backend, runId: string) {
    super();
    this.backend = backend;
    this.runId = runId;
    void this.load();
  }

  async load(): Promise<void> {
    this.status = "loading";
    this.failed.clear();
    try {
      const [{ steps }, newest] = await Promise.all([
        this.backend.send("routing.steps", { runId: this.runId }),
        this.backend.send("routing.at", { runId: this.runId }),
      ]);
      this.steps = steps;
      if (newest.length > 0) {
        this.layersExpected = newest.length;
        this.keep(newest[0]!.step, newest);
        if (this.steps.at(-1) !== newest[0]!.step) this.steps = [...this.steps.filter((step) => step < newest[0]!.step), newest[0]!.step];
      }
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

  private settle(): void {
    this.status = this.steps.length > 0 ? "ready" : "absent";
    this.message = this.status === "absent" ? "No routing is recorded yet." : null;
  }

  /** The recorded step at or before `step`; the newest complete one for null. Null when there is none. */
  stepAt(step: number | null): number | null {
    if (this.steps.length === 0) return null;
    if (step === null) {
      for (let i = this.steps.length - 1; i >= 0 && i >= this.steps.length - 3; i--) {
        const rows = this.rowsByStep.get(this.steps[i]!);
        if (rows && rows.length >= this.layersExpected) return this.steps[i]!;
      }
      return this.steps.at(-1)!;
    }
    return this.steps[Math.max(0, indexAtOrBefore(this.steps, this.steps.length, step))]!;
  }

  /** Rows at `stepAt(step)`, one a sparse layer; asks the backend where they aren't here yet and says so by null. */
  rowsAt(step: number | null): { rows: RoutingRow[] | null; step: number | null; error: string | null } {
    const shown = this.stepAt(step);
    if (shown === null) return { rows: null, step: null, error: null };
    const rows = this.rowsByStep.get(shown);
    if (rows) {
      // Used again: to the end of the line for removal.
      this.rowsByStep.delete(shown);
      this.rowsByStep.set(shown, rows);
      return { rows, step: shown, error: null };
    }
    const error = this.failed.get(shown) ?? null;
    if (!error) void this.ask(shown);
    return { rows: null, step: shown, error };
  }

  private async ask(step: number): Promise<void> {
    this.wanted = step;
    if (this.asking !== null) return;
    this.asking = step;
    try {
      this.keep(step, await this.backend.send("routing.at", { runId: this.runId, step }));
    } catch (error) {
      this.failed.set(step, sentence(error));
    } finally {
      this.asking = null;
    }
    const { wanted } = this;
    if (wanted !== step && wanted !== null && !this.rowsByStep.has(wanted) && !this.failed.has(wanted)) void this.ask(wanted);
    this.changed();
  }

  private keep(step: number, rows: RoutingRow[]): void {
    this.rowsByStep.set(step, rows);
    for (const oldest of this.rowsByStep.keys()) {
      if (this.rowsByStep.size <= STEPS_KEPT) break;
      this.rowsByStep.delete(oldest);
    }
  }

  take(rows: RunRows): void {
    if (this.status === "loading") {
      this.waiting.push(rows);
      return;
    }
    if (rows.resetAfterStep !== null) {
      const limit = rows.resetAfterStep;
      this.steps = this.steps.filter((step) => step <= limit);
      for (const step of [...this.rowsByStep.keys()]) if (step > limit) this.rowsByStep.delete(step);
    }
    if (rows.routing.length === 0 && rows.resetAfterStep === null) return;
    for (const row of rows.routing) {
      const newest = this.steps.at(-1) ?? -1;
      if (row.step > newest) this.steps.push(row.step);
      else if (row.step < newest && !this.rowsByStep.has(row.step)) continue;
      const others = (this.rowsByStep.get(row.step) ?? []).filter((other) => layerKey(other) !== layerKey(row));
      const layers = [...others, row];
      this.keep(row.step, layers);
      this.layersExpected = Math.max(this.layersExpected, layers.length);
    }
    if (this.steps.length > STEP_LIMIT) this.steps = this.steps.filter((_, i) => i % 2 === 0 || i === this.steps.length - 1);
    this.settle();
    this.changed();
  }
}

/** One layer over time. */
export class LiveHistory extends Observable {
  status: LoadStatus = "loading";
  message: string | null = null;
  private readonly buffer: HistoryBuffer;
  private waiting: RunRows[] = [];
  private cursor = 0;

  private readonly backend: Backend;
  private readonly runId: string;
  readonly layer: Layer;
  private readonly range: StepRange;
  private readonly points: number;
  private readonly dropped: () => void;

  constructor(backend: Backend, runId: string, layer: Layer, range: StepRange, points: number, dropped: () => void) {
    super();
    this.backend = backend;
    this.runId = runId;
    this.layer = layer;
    this.range = range;
    this.points = points;
    this.dropped = dropped;
    this.buffer = new HistoryBuffer(points);
    void this.load();
  }

  get steps(): readonly HistoryStep[] {
    return this.buffer.steps;
  }

  async load(): Promise<void> {
    this.status = "loading";
    try {
      const history = await this.backend.send("routing.history", {
        runId: this.runId, stack: this.layer.stack, layer: this.layer.layer, points: this.points, ...(this.range ?? {}),
      });
      this.buffer.load(history);
      this.cursor = history.cursor;
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

  private settle(): void {
    this.status = this.buffer.steps.length > 0 ? "ready" : "absent";
    this.message = this.status === "absent" ? `No routing is recorded ${this.range ? "in these steps" : "yet"}.` : null;
  }

  take(rows: RunRows): void {
    if (this.status === "loading") {
      this.waiting.push(rows);
      return;
    }
    if (this.status === "error" || rows.cursor <= this.cursor) return;
    this.cursor = rows.cursor;
    let changed = rows.resetAfterStep !== null;
    if (rows.resetAfterStep !== null) this.buffer.truncateAfter(rows.resetAfterStep);
    for (const row of rows.routing) {
      if (row.layer !== this.layer.layer || row.stack !== this.layer.stack) continue;
      if (this.range && (row.step < this.range.from || row.step > this.range.to)) continue;
      changed = this.buffer.append(row) || changed;
    }
    if (!changed) return;
    this.settle();
    this.changed();
  }

  protected override unwatched(): void {
    this.dropped();
  }
}
