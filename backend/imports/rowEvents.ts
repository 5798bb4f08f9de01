// Rows of a log as events of a run: the values of one step together, under the contract's names, with the stamps of attempts.
import { toWire, type RunEvent } from "../../contract/events.ts";
import type { ImportState } from "./importState.ts";
import { isUnmeasured, MetricNames } from "./metricNames.ts";
import type { LogRow } from "./logDecoder.ts";

type Unstamped = RunEvent extends infer Event ? Event extends RunEvent ? Omit<Event, "v" | "attempt" | "seq" | "t"> : never : never;

/** Turns rows into lines of events.jsonl and keeps in `state` what the next rows need. */
export class RowEvents {
  #state: ImportState;
  #names: MetricNames;
  #lastStep: Map<string, number>;
  /** Newest step of each tag before the file that is read now; a tag seen in that file is taken out. */
  #earlier = new Map<string, number>();
  #pending: LogRow | null = null;
  #lines: string[] = [];

  constructor(state: ImportState, chosen: ReadonlyMap<string, string>, ofEvaluation: boolean) {
    this.#state = state;
    this.#names = new MetricNames(state.tags.map(([tag, name]) => [tag, name]), chosen, ofEvaluation);
    this.#lastStep = new Map(state.tags.map(([tag, , step]) => [tag, step]));
  }

  /** Metrics by their tags in the log. */
  get names(): ReadonlyMap<string, string | null> {
    return this.#names.given;
  }

  /** A further file begins: a tag that goes back at its first value there shows that the trainer began again from that step. */
  beginFile(): void {
    this.#flush();
    this.#earlier = new Map(this.#lastStep);
  }

  add(row: LogRow): void {
    const back = row.values.some(([tag]) => (this.#earlier.get(tag) ?? -1) >= row.step);
    if (this.#earlier.size > 0) for (const [tag] of row.values) this.#earlier.delete(tag);
    if (row.restart || back) {
      this.#flush();
      if (this.#state.rows > 0 && row.step <= this.#state.step) this.restart(row.step);
    }
    if (row.values.length === 0) return;
    if (this.#pending && (this.#pending.step !== row.step || repeats(this.#pending, row))) this.#flush();
    if (this.#pending) this.#pending.values.push(...row.values);
    else this.#pending = { step: row.step, t: row.t, values: [...row.values] };
  }

  /** Rows from `step` on are void: the trainer does them again. */
  restart(step: number): void {
    this.#flush();
    this.#earlier.clear();
    this.#state.attempt++;
    this.#state.seq = 0;
    this.#begin(step - 1);
    this.#state.step = Math.max(0, step - 1);
    for (const [tag, last] of this.#lastStep) if (last >= step) this.#lastStep.set(tag, step - 1);
  }

  say(level: "info" | "warning", message: string): void {
    this.#write({ kind: "log", step: null, level, message });
  }

  /** The lines since the last call. What was read of a step so far counts: the rest of it comes as another event of the same step. */
  take(): string {
    this.#flush();
    this.#state.tags = [...this.#names.given].map(([tag, name]) => [tag, name, this.#lastStep.get(tag) ?? -1]);
    return this.#lines.splice(0).join("");
  }

  #begin(fromStep: number): void {
    this.#write({ kind: "attempt", fromStep, parameters: 0, device: "not recorded", precision: "not recorded" });
  }

  #flush(): void {
    const row = this.#pending, state = this.#state;
    this.#pending = null;
    if (!row) return;
    this.#names.name(row.values.map(([tag]) => tag));
    state.lastTime = row.t ?? state.lastTime;
    state.firstTime ??= row.t;
    const training: [string, ReturnType<typeof toWire>][] = [], evaluation: typeof training = [];
    for (const [tag, value] of row.values) {
      const name = this.#names.given.get(tag) ?? null;
      if (name === null || isUnmeasured(tag, value)) continue;
      this.#lastStep.set(tag, Math.max(row.step, this.#lastStep.get(tag) ?? -1));
      (name.startsWith("evaluation.") ? evaluation : training).push([name, toWire(value)]);
    }
    const shared = { step: row.step, tokens: 0, seconds: Math.max(0, row.t !== null && state.firstTime !== null ? row.t - state.firstTime : 0) };
    if (training.length > 0) this.#write({ kind: "metrics", ...shared, values: Object.fromEntries(training) });
    if (evaluation.length > 0) this.#write({ kind: "evaluation", ...shared, values: Object.fromEntries(evaluation) });
    if (training.length + evaluation.length === 0) return;
    state.rows++;
    state.step = Math.max(state.step, row.step);
  }

  #write(event: Unstamped): void {
    if (this.#state.seq === 0 && event.kind !== "attempt") this.#begin(0);
    const { attempt, lastTime } = this.#state;
    this.#lines.push(`${JSON.stringify({ v: 1, attempt, seq: this.#state.seq++, t: lastTime ?? Date.now() / 1000, ...event })}\n`);
  }
}

const repeats = (pending: LogRow, row: LogRow): boolean => {
  const tags = new Set(pending.values.map(([tag]) => tag));
  return row.values.some(([tag]) => tags.has(tag));
};
