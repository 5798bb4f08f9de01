// Events of one run into rows, with the place they were read up to, in one transaction: nothing is lost or doubled,
// whenever the process is killed.
import { fromWire, type RunEvent } from "../contract/events.ts";
import { statement, transaction, type WritableDB } from "./database.ts";
import { insertAlert, insertCheckpoint, insertLogLine, rewindAlerts } from "./eventRows.ts";
import { MetricWriter } from "./metricRows.ts";
import { insertRouting, rewindRouting } from "./routingRows.ts";
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

/** Stores a batch. Returns how many events were new: one already read (by attempt and seq) is passed over. */
export function applyEvents(db: WritableDB, run: number, batch: EventBatch): number {
  return timed(`ingest of ${batch.events.length} events`, () => transaction(db, () => {
    const state = statement<RunState>(db, `
      SELECT ordinal, stepped, read_attempt, read_seq, step, tokens, seconds, attempt, progress, device, parameters, last_event_at FROM run WHERE run = ?`).get(run);
    if (!state) return 0;
    const metrics = new MetricWriter(db, run);
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
      unknown += applyEvent(db, run, state, metrics, event);
    }
    metrics.flush();
    statement(db, `
      UPDATE run SET ordinal = ?, stepped = ?, read_attempt = ?, read_seq = ?, step = ?, tokens = ?, seconds = ?, attempt = ?, progress = ?,
        device = ?, parameters = ?, last_event_at = ?, offset = ?, unparsable = unparsable + ?, oversized = oversized + ?,
        unknown = unknown + ?, repeated = repeated + ?, missing = min(missing + ?, 9007199254740991)
      WHERE run = ?`)
      .run(state.ordinal, state.stepped, state.read_attempt, state.read_seq, state.step, state.tokens, state.seconds, state.attempt, state.progress,
        state.device, state.parameters, state.last_event_at, batch.offset, batch.unparsable, batch.oversized, unknown, repeated, missing, run);
    return applied;
  }));
}

/** Returns 1 for an event, or a number for metric names, that could not be stored. */
function applyEvent(db: WritableDB, run: number, state: RunState, metrics: MetricWriter, event: RunEvent | UnknownEvent): number {
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
        rewindRows(db, run, state.ordinal, event.fromStep);
        Object.assign(state, newestSample(db, run));
      }
      return 0;
    case "metrics":
    case "evaluation": {
      const evaluation = event.kind === "evaluation";
      const values = Object.entries(event.values).map(([name, value]): [string, number] =>
        [evaluation && !name.startsWith("evaluation.") ? `evaluation.${name}` : name, fromWire(value)]);
      if (event.step >= state.step) Object.assign(state, { step: event.step, tokens: event.tokens, seconds: event.seconds });
      state.progress = null;
      state.stepped = 1;
      return metrics.add(event, evaluation, state.ordinal, values);
    }
    case "routing":
      insertRouting(db, run, state.ordinal, event.step, event);
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

function rewindRows(db: WritableDB, run: number, ordinal: number, step: number): void {
  rewindRouting(db, run, step);
  rewindAlerts(db, run, step);
  statement(db, "INSERT INTO rewind (run, ordinal, after_step) VALUES (?, ?, ?)").run(run, ordinal, step);
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
    for (const table of ["sample", "metric", "routing", "routing_step", "routing_layer", "alert", "log", "checkpoint"])
      statement(db, `DELETE FROM ${table} WHERE run = ?`).run(run);
    statement(db, `
      UPDATE run SET ordinal = ordinal + 1, file = ?, head = ?, offset = 0, read_attempt = 0, read_seq = -1, stepped = 0, step = 0, tokens = 0,
        seconds = 0, progress = NULL, unparsable = 0, oversized = 0, unknown = 0, repeated = 0, missing = 0 WHERE run = ?`).run(file, head, run);
    statement(db, "INSERT INTO rewind (run, ordinal, after_step) SELECT run, ordinal, -1 FROM run WHERE run = ?").run(run);
  });
}
