// Events of one run into rows, with the place they were read up to, in one transaction: nothing is lost or doubled,
// whenever the process is killed.
import type { RunEvent } from "../contract/events.ts";
import { clearRows } from "./clearRows.ts";
import { statement, transaction, type WritableDB } from "./database.ts";
import { insertAlert, insertCheckpoint, insertLogLine, rewindAlerts } from "./eventRows.ts";
import { MetricWriter } from "./metricRows.ts";
import { RoutingWriter } from "./routingRows.ts";
import { timed } from "./slowQueries.ts";

/** A line with a stamp whose kind, or the shape of it, this version does not know: it takes its place in the sequence. */
export interface UnknownEvent { kind: "unknown"; attempt: number; seq: number; t: number }

/** What was read of events.jsonl, and what of it was no event that this version knows. */
export interface EventBatch {
  events: (RunEvent | UnknownEvent)[];
  /** Byte after the last whole line read. */
  offset: number;
  unparsable: number;
  oversized: number;
}

/** How far a run's events.jsonl has been read, and which file that was. */
export interface ReadPosition { file: string | null; head: string | null; offset: number }

interface RunState {
  ordinal: number; stepped: number; read_attempt: number; read_seq: number; step: number; tokens: number; seconds: number;
  attempt: number; progress: string | null; device: string | null; parameters: number | null; last_event_at: number | null;
}

export function readPosition(db: WritableDB, run: number): ReadPosition {
  return statement<ReadPosition>(db, "SELECT file, head, offset FROM run WHERE run = ?").get(run)!;
}

export function rememberFile(db: WritableDB, run: number, file: string, head: string | null): void {
  statement(db, "UPDATE run SET file = ?, head = ? WHERE run = ?").run(file, head, run);
}

interface Left { metrics: MetricWriter; routing: RoutingWriter; ordinal: number }

/** Stores the events of one run, batch by batch. */
export class RunWriter {
  #db: WritableDB;
  #run: number;
  /** What the last batch left behind, and the run's row number after it: nobody has written the run since where that still stands in the database. */
  #left: Left | null = null;

  constructor(db: WritableDB, run: number) {
    this.#db = db;
    this.#run = run;
  }

  /** Stores a batch. Returns how many events were new: one already read (by attempt and seq) is passed over. */
  apply(batch: EventBatch): number {
    return timed(`ingest of ${batch.events.length} events`, () => {
      const left = this.#left;
      // Of a transaction that fails nothing is kept.
      this.#left = null;
      const stored = transaction(this.#db, () => this.#apply(batch, left));
      if (stored) this.#left = stored.left;
      return stored?.applied ?? 0;
    });
  }

  /** Lets go of what it keeps to be quick with the next batch. */
  rest(): void {
    this.#left = null;
  }

  #apply(batch: EventBatch, left: Left | null): { applied: number; left: Left } | null {
    const state = statement<RunState>(this.#db, `
      SELECT ordinal, stepped, read_attempt, read_seq, step, tokens, seconds, attempt, progress, device, parameters, last_event_at FROM run WHERE run = ?`).get(this.#run);
    if (!state) return null;
    const { metrics, routing } = left?.ordinal === state.ordinal ? left : { metrics: new MetricWriter(this.#db, this.#run), routing: new RoutingWriter(this.#db, this.#run) };
    let [applied, repeated, missing, unknown] = [0, 0, 0, 0];
    for (const event of batch.events) {
      if (event.attempt < state.read_attempt || (event.attempt === state.read_attempt && event.seq <= state.read_seq)) {
        repeated++;
        continue;
      }
      const expected = event.attempt === state.read_attempt ? state.read_seq + 1 : 0;
      missing += event.seq - expected;
      state.read_attempt = event.attempt;
      state.read_seq = event.seq;
      state.ordinal++;
      applied++;
      unknown += this.#applyEvent(state, metrics, routing, event);
    }
    metrics.flush();
    routing.flush();
    statement(this.#db, `
      UPDATE run SET ordinal = ?, stepped = ?, read_attempt = ?, read_seq = ?, step = ?, tokens = ?, seconds = ?, attempt = ?, progress = ?,
        device = ?, parameters = ?, last_event_at = ?, offset = ?, unparsable = unparsable + ?, oversized = oversized + ?,
        unknown = unknown + ?, repeated = repeated + ?, missing = min(missing + ?, 9007199254740991)
      WHERE run = ?`)
      .run(state.ordinal, state.stepped, state.read_attempt, state.read_seq, state.step, state.tokens, state.seconds, state.attempt, state.progress,
        state.device, state.parameters, state.last_event_at, batch.offset, batch.unparsable, batch.oversized, unknown, repeated, missing, this.#run);
    return { applied, left: { metrics, routing, ordinal: state.ordinal } };
  }

  /** Returns 1 for an event, or a number for metric names, that could not be stored. */
  #applyEvent(state: RunState, metrics: MetricWriter, routing: RoutingWriter, event: RunEvent | UnknownEvent): number {
    const db = this.#db, run = this.#run;
    state.last_event_at = Math.max(state.last_event_at ?? -Infinity, event.t);
    switch (event.kind) {
      case "unknown":
        return 1;
      case "attempt":
        state.stepped = 0;
        state.attempt = event.attempt;
        state.device = event.device;
        state.parameters = event.parameters;
        state.progress = null;
        if (event.attempt > 1 || state.step > event.fromStep) {
          metrics.rewind(event.fromStep);
          routing.rewind(event.fromStep);
          rewindAlerts(db, run, event.fromStep);
          statement(db, "INSERT INTO rewind (run, ordinal, after_step) VALUES (?, ?, ?)").run(run, state.ordinal, event.fromStep);
          Object.assign(state, newestSample(db, run));
        }
        return 0;
      case "metrics":
      case "evaluation":
        if (event.step >= state.step) Object.assign(state, { step: event.step, tokens: event.tokens, seconds: event.seconds });
        state.progress = null;
        state.stepped = 1;
        return metrics.add(event, state.ordinal);
      case "routing":
        routing.add(state.ordinal, event.step, event);
        return 0;
      case "checkpoint":
        state.progress = null;
        insertCheckpoint(db, run, state.ordinal, event);
        return 0;
      case "alert":
        insertAlert(db, run, state.ordinal, event);
        return 0;
      case "log":
        insertLogLine(db, run, state.ordinal, event);
        return 0;
      case "progress":
        state.progress = JSON.stringify({ phase: event.phase, done: event.done, total: event.total, unit: event.unit });
        return 0;
    }
  }
}

function newestSample(db: WritableDB, run: number): { step: number; tokens: number; seconds: number } {
  return statement<{ step: number; tokens: number; seconds: number }>(db, "SELECT step, tokens, seconds FROM sample WHERE run = ? ORDER BY step DESC, evaluation LIMIT 1").get(run)
    ?? { step: 0, tokens: 0, seconds: 0 };
}

/**
 * Forgets everything read from a run's events.jsonl, because the file was cut or replaced; it is then read from its
 * start. Row numbers go on growing, so that who follows the run learns that its rows are void.
 */
export function restartReading(db: WritableDB, run: number, file: string, head: string | null): void {
  transaction(db, () => {
    clearRows(db, run, { keepRewinds: true });
    statement(db, `
      UPDATE run SET ordinal = ordinal + 1, file = ?, head = ?, offset = 0, read_attempt = 0, read_seq = -1, attempt = 0, stepped = 0, step = 0, tokens = 0,
        seconds = 0, progress = NULL, device = NULL, parameters = NULL, last_event_at = NULL, unparsable = 0, oversized = 0, unknown = 0, repeated = 0, missing = 0 WHERE run = ?`).run(file, head, run);
    statement(db, "INSERT INTO rewind (run, ordinal, after_step) SELECT run, ordinal, -1 FROM run WHERE run = ?").run(run);
  });
}
