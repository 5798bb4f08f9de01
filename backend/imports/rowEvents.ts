// Rows of a log as events of a run: the values of one step together, under the contract's names, with the stamps of attempts.
import { toWire, type RunEvent } from "../../contract/events.ts";
import type { ImportState } from "./importState.ts";
import { isUnmeasured, MetricNames } from "./metricNames.ts";
import type { LogRow } from "./logDecoder.ts";

type Unstamped = RunEvent extends infer Event ? Event extends RunEvent ? Omit<Event, "v" | "attempt" | "seq" | "t"> : never : never;

/** What is known of a tag. */
interface Series {
  readonly tag: string;
  /** Its metric, once it has a name. */
  metric: string | null;
  evaluation: boolean;
  /** Newest step; and the newest step before the file that is read now, -1 once the tag was seen in that file. */
  last: number; earlier: number;
  /** The gathered step that it has a value in. */
  gathered: number;
}

/** The values of one event after the other, in one object for as long as the names stay the same: JSON.stringify is twice as fast over a shape it knows. */
class EventValues {
  #names: string[] = [];
  #object: Record<string, ReturnType<typeof toWire>> = {};
  #count = 0;

  add(name: string, value: number): void {
    if (this.#names[this.#count] !== name) this.#fork(name);
    this.#count++;
    this.#object[name] = toWire(value);
  }

  /** What was added since the last call, until the next `add`; null where that is nothing. */
  take(): Record<string, ReturnType<typeof toWire>> | null {
    if (this.#count === 0) return null;
    if (this.#count < this.#names.length) this.#fork();
    this.#count = 0;
    return this.#object;
  }

  /** Goes on with the names added so far, and `name` behind them. */
  #fork(name?: string): void {
    const kept = this.#names.slice(0, this.#count), before = this.#object;
    this.#object = {};
    for (const known of kept) this.#object[known] = before[known]!;
    this.#names = name === undefined ? kept : [...kept, name];
  }
}

/** Turns rows into lines of events.jsonl and keeps in `state` what the next rows need. */
export class RowEvents {
  #state: ImportState;
  #names: MetricNames;
  #series = new Map<string, Series>();
  #earlierFiles = false;
  /** The step whose values are gathered, by its number of this object; none where there are no values. */
  #gathered = 0;
  #step = 0;
  #t: number | null = null;
  #of: Series[] = [];
  #values: number[] = [];
  readonly #training = new EventValues();
  readonly #evaluation = new EventValues();
  #lines: string[] = [];

  constructor(state: ImportState, chosen: ReadonlyMap<string, string>, ofEvaluation: boolean) {
    this.#state = state;
    this.#names = new MetricNames(state.tags.map(([tag, name]) => [tag, name]), chosen, ofEvaluation);
    for (const [tag, name, last] of state.tags) if (name !== null) this.#named(this.#seriesOf(tag), name).last = last;
  }

  /** Metrics by their tags in the log. */
  get names(): ReadonlyMap<string, string | null> {
    return this.#names.given;
  }

  /** A further file begins: a tag that goes back at its first value there shows that the trainer began again from that step. */
  beginFile(): void {
    this.#flush();
    this.#earlierFiles = true;
    for (const series of this.#series.values()) series.earlier = series.last;
  }

  add(row: LogRow): void {
    const back = this.#earlierFiles && this.#goesBack(row);
    if (row.restart || back) {
      this.#flush();
      if (this.#state.rows > 0 && row.step <= this.#state.step) this.restart(row.step);
    }
    if (row.values.length === 0) return;
    if (this.#values.length > 0 && (this.#step !== row.step || this.#repeats(row))) this.#flush();
    if (this.#values.length === 0) {
      this.#gathered++;
      this.#step = row.step;
      this.#t = row.t;
    }
    for (const [tag, value] of row.values) {
      const series = this.#seriesOf(tag);
      if (series.gathered === this.#gathered) this.#values[this.#of.indexOf(series)] = value;
      else {
        series.gathered = this.#gathered;
        this.#of.push(series);
        this.#values.push(value);
      }
    }
  }

  /** Rows from `step` on are void: the trainer does them again. */
  restart(step: number): void {
    this.#flush();
    this.#earlierFiles = false;
    this.#state.attempt++;
    this.#state.seq = 0;
    this.#begin(step - 1);
    this.#state.step = Math.max(0, step - 1);
    for (const series of this.#series.values()) {
      series.earlier = -1;
      series.last = Math.min(series.last, step - 1);
    }
  }

  say(level: "info" | "warning", message: string): void {
    this.#write({ kind: "log", step: null, level, message });
  }

  /** The lines since the last call. What was read of a step so far counts: the rest of it comes as another event of the same step. */
  take(): string {
    this.#flush();
    this.#state.tags = [...this.#names.given].map(([tag, name]) => [tag, name, this.#series.get(tag)?.last ?? -1]);
    return this.#lines.splice(0).join("");
  }

  #seriesOf(tag: string): Series {
    let series = this.#series.get(tag);
    if (!series) this.#series.set(tag, (series = { tag, metric: null, evaluation: false, last: -1, earlier: -1, gathered: -1 }));
    return series;
  }

  #named(series: Series, name: string): Series {
    series.metric = name;
    series.evaluation = name.startsWith("evaluation.");
    return series;
  }

  #goesBack(row: LogRow): boolean {
    let back = false;
    for (const [tag] of row.values) {
      const series = this.#seriesOf(tag);
      back ||= series.earlier >= row.step;
      series.earlier = -1;
    }
    return back;
  }

  #repeats(row: LogRow): boolean {
    for (const [tag] of row.values) if (this.#series.get(tag)?.gathered === this.#gathered) return true;
    return false;
  }

  #begin(fromStep: number): void {
    this.#write({ kind: "attempt", fromStep, parameters: 0, device: "not recorded", precision: "not recorded" });
  }

  #flush(): void {
    const state = this.#state, of = this.#of, numbers = this.#values, step = this.#step;
    if (numbers.length === 0) return;
    this.#of = [];
    this.#values = [];
    this.#nameNew(of);
    state.lastTime = this.#t ?? state.lastTime;
    state.firstTime ??= this.#t;
    for (let i = 0; i < of.length; i++) {
      const series = of[i]!, value = numbers[i]!;
      if (series.metric === null || isUnmeasured(series.tag, value)) continue;
      if (step > series.last) series.last = step;
      (series.evaluation ? this.#evaluation : this.#training).add(series.metric, value);
    }
    const shared = { step, tokens: 0, seconds: Math.max(0, this.#t !== null && state.firstTime !== null ? this.#t - state.firstTime : 0) };
    const training = this.#training.take(), evaluation = this.#evaluation.take();
    if (training) this.#write({ kind: "metrics", ...shared, values: training });
    if (evaluation) this.#write({ kind: "evaluation", ...shared, values: evaluation });
    if (!training && !evaluation) return;
    state.rows++;
    state.step = Math.max(state.step, step);
  }

  /** Names what has no name yet; what gets none, being beyond the number that is stored, is forgotten. */
  #nameNew(of: readonly Series[]): void {
    const fresh = of.filter(({ metric }) => metric === null);
    if (fresh.length === 0) return;
    this.#names.name(fresh.map(({ tag }) => tag));
    for (const series of fresh) {
      const name = this.#names.given.get(series.tag) ?? null;
      if (name === null) this.#series.delete(series.tag);
      else this.#named(series, name);
    }
  }

  #write(event: Unstamped): void {
    if (this.#state.seq === 0 && event.kind !== "attempt") this.#begin(0);
    const { attempt, lastTime } = this.#state;
    this.#lines.push(`${JSON.stringify({ v: 1, attempt, seq: this.#state.seq++, t: lastTime ?? Date.now() / 1000, ...event })}\n`);
  }
}
