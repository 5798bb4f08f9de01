// Routing of one run, live: the steps that were recorded, and the rows at one of them.
import type { RoutingRow, RunRows } from "../../contract/handlers.ts";
import { indexAtOrBefore } from "../charts/bucketSeries.ts";
import { LiveStore, sentence, type Backend } from "./liveStore.ts";
import { layerKey } from "./routingFacts.ts";

/** Rows of at most so many steps are kept for scrubbing back and forth. */
const STEPS_KEPT = 256;
/** The slider's steps; beyond this many every second one goes. */
const STEP_LIMIT = 4000;

/** All recorded steps, thinned, and the rows at the one that is shown. */
export class LiveRouting extends LiveStore {
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

  constructor(backend: Backend, runId: string) {
    super(backend, runId);
    void this.load();
  }

  protected async fetch(): Promise<void> {
    this.failed.clear();
    const [{ steps }, newest] = await Promise.all([
      this.backend.send("routing.steps", { runId: this.runId }),
      this.backend.send("routing.at", { runId: this.runId }),
    ]);
    this.steps = steps;
    if (newest.length === 0) return;
    const { step } = newest[0]!;
    this.layersExpected = newest.length;
    this.keep(step, newest);
    if (this.steps.at(-1) !== step) this.steps = [...this.steps.filter((earlier) => earlier < step), step];
  }

  protected absence(): string | null {
    return this.steps.length > 0 ? null : "No routing is recorded yet.";
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

  protected add(rows: RunRows): boolean {
    if (rows.resetAfterStep !== null) {
      const limit = rows.resetAfterStep;
      this.steps = this.steps.filter((step) => step <= limit);
      for (const step of [...this.rowsByStep.keys()]) if (step > limit) this.rowsByStep.delete(step);
    }
    if (rows.routing.length === 0 && rows.resetAfterStep === null) return false;
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
    return true;
  }
}
