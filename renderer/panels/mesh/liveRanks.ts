// What each rank of a run did in the newest step that was recorded.
import { fromWire } from "../../../contract/events.ts";
import type { RunRows } from "../../../contract/handlers.ts";
import { AXES, axisMetric, rankMetric, type MeshSpec, type RankTime, type Traffic } from "../../../contract/meshSpec.ts";
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
  /** The mesh that was recorded; an axis is missing before the first record. */
  mesh: Partial<MeshSpec> = {};

  constructor(backend: Backend, runId: string) {
    super(backend, runId);
    void this.load();
  }

  protected async fetch(): Promise<void> {
    const { summary } = await this.backend.send("runs.get", { runId: this.runId });
    this.ranks = [];
    this.step = null;
    this.mesh = {};
    const all = Object.entries(summary.metrics), newest = Math.max(...all.map(([name, { lastStep }]) => (name === axisMetric("data") ? lastStep : -1)));
    for (const [name, { last, lastStep }] of all) if (lastStep === newest) this.set(name, fromWire(last), lastStep);
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
    const axis = AXES.find((one) => axisMetric(one) === name);
    if (axis) {
      // Ranks of an earlier mesh are gone.
      if (this.mesh[axis] !== value) this.ranks = [];
      this.mesh = { ...this.mesh, [axis]: value };
      return true;
    }
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
