// Everything live of one run, shared by all charts: one subscription, and per metric and layer a store that is loaded once
// and then fed with rows. Nothing here is React state, and nothing is fetched again because rows arrived.
import type { Alert, RunDetail, RunRows } from "../../contract/handlers.ts";
import { LiveHistory, type Layer } from "./liveHistory.ts";
import { LiveRanks } from "./mesh/liveRanks.ts";
import { LiveRouting } from "./liveRouting.ts";
import { LiveSeries } from "./liveSeries.ts";
import { LiveStore, Observable, sentence, type Backend, type LoadStatus, type StepRange } from "./liveStore.ts";
import { layerKey } from "./routingFacts.ts";

/** Buckets asked for a line: about two a pixel of a wide panel. */
const SERIES_POINTS = 1000;
/** Milliseconds that a run nobody looks at is kept, so that going back and forth between tabs fetches nothing. */
const KEPT_FOR = 30_000;

const rangeKey = (range: StepRange): string => (range ? `${range.from}-${range.to}` : "all");

/** Newest alerts first. */
export class LiveAlerts extends LiveStore {
  alerts: readonly Alert[] = [];

  constructor(backend: Backend, runId: string) {
    super(backend, runId);
    void this.load();
  }

  protected async fetch(): Promise<void> {
    this.alerts = [];
    this.merge(await this.backend.send("runs.alerts", { runId: this.runId }));
  }

  protected absence(): null {
    return null;
  }

  protected add({ alerts }: RunRows): boolean {
    this.merge(alerts);
    return alerts.length > 0;
  }

  private merge(alerts: readonly Alert[]): void {
    const byId = new Map(this.alerts.map((alert) => [alert.id, alert]));
    for (const alert of alerts) byId.set(alert.id, alert);
    this.alerts = [...byId.values()].sort((a, b) => b.step - a.step || b.id - a.id);
  }
}

export class LiveRun extends Observable {
  status: LoadStatus = "loading";
  message: string | null = null;
  detail: RunDetail | null = null;
  private readonly series = new Map<string, LiveSeries>();
  private readonly histories = new Map<string, LiveHistory>();
  private routingStore: LiveRouting | null = null;
  private alertStore: LiveAlerts | null = null;
  private rankStore: LiveRanks | null = null;
  private stopRows: (() => void) | null = null;
  private readonly stopConnection: () => void;
  private disposed = false;

  private readonly backend: Backend;
  readonly runId: string;

  constructor(backend: Backend, runId: string) {
    super();
    this.backend = backend;
    this.runId = runId;
    this.stopConnection = backend.onConnection(({ state }) => {
      if (state === "connected") this.retry();
    });
    void this.load();
  }

  private async load(): Promise<void> {
    this.status = "loading";
    try {
      const detail = await this.backend.send("runs.get", { runId: this.runId });
      if (this.disposed) return;
      this.detail = detail;
      this.status = "ready";
      this.stopRows ??= this.backend.subscribe("run", { runId: this.runId, after: detail.cursor }, (rows) => this.take(rows), (error) => {
        this.stopRows = null;
        this.status = "error";
        this.message = error.message;
        this.changed();
      });
    } catch (error) {
      this.status = "error";
      this.message = sentence(error);
    }
    this.changed();
  }

  /** Loads again what failed, after a lost connection or at a person's wish. */
  readonly retry = (): void => {
    if (this.status === "error") void this.load();
    for (const store of [...this.series.values(), ...this.histories.values(), this.routingStore, this.alertStore, this.rankStore]) {
      if (store?.status === "error") void store.load();
    }
  };

  private take(rows: RunRows): void {
    for (const series of this.series.values()) series.take(rows);
    for (const history of this.histories.values()) history.take(rows);
    this.routingStore?.take(rows);
    this.alertStore?.take(rows);
    this.rankStore?.take(rows);
  }

  /** The metric over all steps, or over the steps of a zoom at the resolution of the screen. */
  metric(name: string, range: StepRange = null): LiveSeries {
    const key = `${name} ${rangeKey(range)}`;
    let series = this.series.get(key);
    if (!series) {
      // A zoom that nobody shows any more isn't kept; the whole course is, for the next visit.
      const created: LiveSeries = new LiveSeries(this.backend, this.runId, name, range, SERIES_POINTS, () => {
        if (range && this.series.get(key) === created) queueMicrotask(() => { if (!created.watched) this.series.delete(key); });
      });
      series = created;
      this.series.set(key, series);
    }
    return series;
  }

  /** One layer over time. `points` bounds what is fetched. */
  history(layer: Layer, range: StepRange, points: number): LiveHistory {
    const key = `${layerKey(layer)} ${rangeKey(range)} ${points}`;
    let history = this.histories.get(key);
    if (!history) {
      const created: LiveHistory = new LiveHistory(this.backend, this.runId, layer, range, points, () => {
        queueMicrotask(() => { if (!created.watched && this.histories.get(key) === created) this.histories.delete(key); });
      });
      history = created;
      this.histories.set(key, history);
    }
    return history;
  }

  routing(): LiveRouting {
    return (this.routingStore ??= new LiveRouting(this.backend, this.runId));
  }

  alerts(): LiveAlerts {
    return (this.alertStore ??= new LiveAlerts(this.backend, this.runId));
  }

  ranks(): LiveRanks {
    return (this.rankStore ??= new LiveRanks(this.backend, this.runId));
  }

  dispose(): void {
    this.disposed = true;
    this.stopRows?.();
    this.stopConnection();
  }
}

/** The runs that somebody looks at, each once. */
export class LiveRuns {
  private readonly runs = new Map<string, { run: LiveRun; users: number; timer: ReturnType<typeof setTimeout> | null }>();
  private readonly backend: Backend;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  get(runId: string): LiveRun {
    let entry = this.runs.get(runId);
    if (!entry) {
      entry = { run: new LiveRun(this.backend, runId), users: 0, timer: null };
      this.runs.set(runId, entry);
      // Asked for while rendering, perhaps never mounted.
      this.expire(runId);
    }
    return entry.run;
  }

  /** Keeps a run until the returned function is called, and a while after. */
  hold(runId: string): () => void {
    this.get(runId);
    const entry = this.runs.get(runId)!;
    entry.users++;
    if (entry.timer) clearTimeout(entry.timer);
    entry.timer = null;
    return () => {
      entry.users--;
      if (entry.users === 0) this.expire(runId);
    };
  }

  private expire(runId: string): void {
    const entry = this.runs.get(runId)!;
    if (entry.timer) clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      if (entry.users > 0 || this.runs.get(runId) !== entry) return;
      this.runs.delete(runId);
      entry.run.dispose();
    }, KEPT_FOR);
  }
}
