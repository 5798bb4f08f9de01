// Routing of one layer over time, live.
import type { RunRows } from "../../contract/handlers.ts";
import { LiveRange, type Backend, type StepRange } from "./liveStore.ts";
import { HistoryBuffer, type HistoryStep } from "./routingHistory.ts";

export type Layer = { stack: "encoder" | "decoder"; layer: number };

export class LiveHistory extends LiveRange {
  readonly layer: Layer;
  private readonly buffer: HistoryBuffer;

  constructor(backend: Backend, runId: string, layer: Layer, range: StepRange, points: number, dropped: () => void) {
    super(backend, runId, range, points, dropped);
    this.layer = layer;
    this.buffer = new HistoryBuffer(points);
    void this.load();
  }

  get steps(): readonly HistoryStep[] {
    return this.buffer.steps;
  }

  protected async fetch(): Promise<void> {
    const history = await this.backend.send("routing.history", {
      runId: this.runId, stack: this.layer.stack, layer: this.layer.layer, points: this.points, ...(this.range ?? {}),
    });
    this.buffer.load(history);
    this.cursor = history.cursor;
  }

  protected absence(): string | null {
    return this.buffer.steps.length > 0 ? null : "No routing is recorded yet.";
  }

  protected append(rows: RunRows): boolean {
    let changed = rows.resetAfterStep !== null;
    if (rows.resetAfterStep !== null) this.buffer.truncateAfter(rows.resetAfterStep);
    for (const row of rows.routing) {
      if (row.layer !== this.layer.layer || row.stack !== this.layer.stack || !this.covers(row.step)) continue;
      changed = this.buffer.append(row) || changed;
    }
    return changed;
  }
}
