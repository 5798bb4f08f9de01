// Alerts, log lines and checkpoints of a run.
import { fromWire, toWire, type AlertEvent, type CheckpointEvent, type RunEvent } from "../contract/events.ts";
import type { Alert, Checkpoint, LogLine } from "../contract/handlers.ts";
import { statement, type ReadableDB, type WritableDB } from "./database.ts";

type LogEvent = Extract<RunEvent, { kind: "log" }>;

export function insertAlert(db: WritableDB, run: number, ordinal: number, event: AlertEvent): void {
  statement(db, "INSERT INTO alert (run, ordinal, attempt, step, t, level, code, message, stack, layer, expert) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .run(run, ordinal, event.attempt, event.step, event.t, event.level, event.code, event.message, event.stack, event.layer, event.expert);
}

export function insertLogLine(db: WritableDB, run: number, ordinal: number, event: LogEvent): void {
  statement(db, "INSERT INTO log (run, ordinal, attempt, t, step, level, message) VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(run, ordinal, event.attempt, event.t, event.step, event.level, event.message);
}

export function insertCheckpoint(db: WritableDB, run: number, ordinal: number, event: CheckpointEvent): void {
  if (event.action === "removed") {
    statement(db, "UPDATE checkpoint SET present = 0, ordinal = ? WHERE run = ? AND step = ?").run(ordinal, run, event.step);
    return;
  }
  const loss = event.evaluationLoss === null ? null : fromWire(event.evaluationLoss);
  // One checkpoint is the best at a time.
  if (event.best) statement(db, "UPDATE checkpoint SET best = 0 WHERE run = ? AND best = 1").run(run);
  statement(db, `
    INSERT OR REPLACE INTO checkpoint (run, step, ordinal, t, bytes, reason, evaluation_loss, evaluated, best, present)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`)
    .run(run, event.step, ordinal, event.t, event.bytes, event.reason, Number.isNaN(loss) ? null : loss, Number(loss !== null), Number(event.best));
}

/** Alerts of steps that were superseded go with them; the log stays, as the story of what happened. */
export function rewindAlerts(db: WritableDB, run: number, step: number): void {
  statement(db, "DELETE FROM alert WHERE run = ? AND step > ?").run(run, step);
}

const ALERT = "alert AS id, attempt, step, t, level, code, message, stack, layer, expert";
/** The newest 10,000 alerts, oldest first. */
export function readAlerts(db: ReadableDB, run: number): Alert[] {
  return statement<Alert>(db, `SELECT ${ALERT} FROM alert WHERE run = ? ORDER BY ordinal DESC LIMIT 10000`).all(run).reverse();
}
export function alertsBetween(db: ReadableDB, run: number, after: number, upTo: number): Alert[] {
  return statement<Alert>(db, `SELECT ${ALERT} FROM alert WHERE run = ? AND ordinal > ? AND ordinal <= ? ORDER BY ordinal`).all(run, after, upTo);
}

const LOG = "line AS id, attempt, t, step, level, message";
/** The newest `limit` lines before line `before`, oldest first. */
export function readLog(db: ReadableDB, run: number, before: number | undefined, limit: number): LogLine[] {
  return statement<LogLine>(db, `SELECT ${LOG} FROM log WHERE run = ? AND line < ? ORDER BY ordinal DESC LIMIT ?`)
    .all(run, before ?? Number.MAX_SAFE_INTEGER, limit).reverse();
}
export function logBetween(db: ReadableDB, run: number, after: number, upTo: number): LogLine[] {
  return statement<LogLine>(db, `SELECT ${LOG} FROM log WHERE run = ? AND ordinal > ? AND ordinal <= ? ORDER BY ordinal`).all(run, after, upTo);
}

interface StoredCheckpoint { step: number; t: number; bytes: number; reason: string; evaluation_loss: number | null; evaluated: number; best: number; present: number }
export function readCheckpoints(db: ReadableDB, run: number): Checkpoint[] {
  return statement<StoredCheckpoint>(db, "SELECT step, t, bytes, reason, evaluation_loss, evaluated, best, present FROM checkpoint WHERE run = ? ORDER BY step").all(run)
    .map(({ step, t, bytes, reason, evaluation_loss, evaluated, best, present }) => ({
      step, t, bytes, reason, evaluationLoss: evaluated ? toWire(evaluation_loss ?? NaN) : null, best: best === 1, present: present === 1, remote: false,
    }));
}
export function checkpointsChangedBetween(db: ReadableDB, run: number, after: number, upTo: number): boolean {
  return statement(db, "SELECT 1 FROM checkpoint WHERE run = ? AND ordinal > ? AND ordinal <= ? LIMIT 1").get(run, after, upTo) !== undefined;
}
