// What each rank of a run did in the newest step that was recorded.
import { fromWire } from "../../../contract/events.ts";
import type { RunRows } from "../../../contract/handlers.ts";
import { rankMetric, type RankTime, type Traffic } from "../../../contract/meshSpec.ts";
import { LiveStore, type Backend } from "../liveStore.ts";

export interface RankFigures {
  /** Seconds of the step. */
  times: Partial<Record<RankTime, number>>;
  /** Bytes sent in it. */
  bytes: Partial<Record<Traffic, number>>;
}

export class LiveRanks extends LiveStore {
  /** Where a rank has none nothing was recorded of it. */
  ranks: readonly RankFigures[] = [];
  step: number | null = null;

  constructor(backend: Backend, runId: string) {
    super(backend, runId);
    void this.load();
  }

  protected async fetch(): Promise<void> {
    const { summary } = await this.backend.send("runs.get", { runId: this.runId });
    this.ranks = [];
    this.step = null;
    for (const [name, { last, lastStep }] of Object.entries(summary.metrics)) this.set(name, fromWire(last), lastStep);
  }

  protected absence(): string | null {
    return this.ranks.length > 0 ? null : "Nothing was recorded of the ranks.";
  }

  protected add({ metrics }: RunRows): boolean {
    let changed = false;
    for (const { step, values } of metrics)
      for (const [name, value] of Object.entries(values)) changed = this.set(name, fromWire(value), step) || changed;
    return changed;
  }

  private set(name: string, value: number, step: number): boolean {
    const metric = rankMetric(name);
    if (!metric) return false;
    const ranks = [...this.ranks];
    while (ranks.length <= metric.rank) ranks.push({ times: {}, bytes: {} });
    const { times, bytes } = ranks[metric.rank]!;
    ranks[metric.rank] = "time" in metric ? { times: { ...times, [metric.time]: value }, bytes } : { times, bytes: { ...bytes, [metric.traffic]: value } };
    this.ranks = ranks;
    this.step = step;
    return true;
  }
}
