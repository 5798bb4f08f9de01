// One row a run: what a person gave it, how it goes, and the summary of its metrics.
import { toWire } from "../contract/events.ts";
import type { PassedOver, RunStatus, RunSummary, Summary } from "../contract/handlers.ts";
import type { ExitReason } from "../contract/runDirectory.ts";
import { clearRows } from "./clearRows.ts";
import { statement, transaction, type ReadableDB, type WritableDB } from "./database.ts";
import { timed } from "./slowQueries.ts";

/** Metrics whose summary the list of runs shows; one run alone shows all it has. */
const LISTED = ["loss", "evaluation.loss", "droppedFraction", "overload", "tokensPerSecond"];

export interface NewRun {
  id: string;
  /** The spec as JSON text, validated. */
  spec: string;
  name: string; steps: number; experts: number | null; sparseLayers: number; createdAt: number;
  /** Host or cluster of a run on another machine. */
  host?: string | null;
}

/** Adds a run; one already known stays as it is. Returns its key. */
export function addRun(db: WritableDB, run: NewRun): number {
  return transaction(db, () => {
    // Colours go round, so that neighbours in time differ.
    statement(db, `
      INSERT INTO run (id, spec, name, colour, created_at, steps, experts, sparse_layers, host)
      VALUES (?, ?, ?, (SELECT count(*) FROM run) % 40, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
      .run(run.id, run.spec, run.name, run.createdAt, run.steps, run.experts, run.sparseLayers, run.host ?? null);
    return runKey(db, run.id)!;
  });
}

/** Key of a run, or null. */
export const runKey = (db: ReadableDB, id: string): number | null =>
  statement<{ run: number }>(db, "SELECT run FROM run WHERE id = ?").get(id)?.run ?? null;

export const runIds = (db: ReadableDB): string[] => statement<{ id: string }>(db, "SELECT id FROM run ORDER BY id").all().map(({ id }) => id);

export const specText = (db: ReadableDB, run: number): string => statement<{ spec: string }>(db, "SELECT spec FROM run WHERE run = ?").get(run)!.spec;

export const newestOrdinal = (db: ReadableDB, run: number): number => statement<{ ordinal: number }>(db, "SELECT ordinal FROM run WHERE run = ?").get(run)?.ordinal ?? 0;

/** What a person may change. */
export interface RunLabels { name: string; colour: number; tags: string[]; note: string; archived: boolean; deletedAt: number | null }
const LABEL_COLUMNS: Record<keyof RunLabels, string> = { name: "name", colour: "colour", tags: "tags", note: "note", archived: "archived", deletedAt: "deleted_at" };

export function labelRun(db: WritableDB, run: number, labels: Partial<RunLabels>): void {
  for (const [label, value] of Object.entries(labels) as [keyof RunLabels, RunLabels[keyof RunLabels]][]) {
    const stored = Array.isArray(value) ? JSON.stringify(value) : typeof value === "boolean" ? Number(value) : value;
    statement(db, `UPDATE run SET ${LABEL_COLUMNS[label]} = ? WHERE run = ?`).run(stored, run);
  }
}

/** How a run goes, as its process and its files say. */
export interface RunCondition {
  status: RunStatus; statusMessage: string | null; exitReason: ExitReason | null;
  startedAt: number | null; endedAt: number | null; attempt: number; steps: number;
}

/** What the events read so far say of the newest attempt. */
export interface RunProgress { attempt: number; stepped: boolean; step: number; steps: number; status: RunStatus; startedAt: number | null }
export function readProgress(db: ReadableDB, run: number): RunProgress | null {
  const row = statement<Omit<RunProgress, "stepped"> & { stepped: number }>(db,
    "SELECT attempt, stepped, step, steps, status, started_at AS startedAt FROM run WHERE run = ?").get(run);
  return row ? { ...row, stepped: row.stepped === 1 } : null;
}

/** Stores how a run goes. Returns whether that changed anything. */
export function conditionRun(db: WritableDB, run: number, condition: RunCondition): boolean {
  return statement(db, `
    UPDATE run SET status = @status, status_message = @statusMessage, exit_reason = @exitReason, started_at = @startedAt,
      ended_at = @endedAt, attempt = max(attempt, @attempt), steps = @steps
    WHERE run = @run AND (status IS NOT @status OR status_message IS NOT @statusMessage OR exit_reason IS NOT @exitReason
      OR started_at IS NOT @startedAt OR ended_at IS NOT @endedAt OR attempt < @attempt OR steps IS NOT @steps)`)
    .run({ ...condition, run }).changes > 0;
}

/** Removes a run and all its rows. */
export function removeRun(db: WritableDB, run: number): void {
  transaction(db, () => {
    clearRows(db, run);
    statement(db, "DELETE FROM run WHERE run = ?").run(run);
  });
}

export const readingCounts = (db: ReadableDB, run: number): PassedOver =>
  statement<PassedOver>(db, "SELECT unparsable, oversized, unknown, repeated, missing FROM run WHERE run = ?").get(run)!;

export const metricNames = (db: ReadableDB, run: number): string[] =>
  statement<{ name: string }>(db, "SELECT name FROM metric WHERE run = ? AND count > 0 ORDER BY metric").all(run).map(({ name }) => name);

interface StoredRun {
  run: number; id: string; name: string; status: RunStatus; status_message: string | null; exit_reason: ExitReason | null;
  attempt: number; step: number; steps: number; tokens: number; seconds: number; created_at: number; started_at: number | null;
  ended_at: number | null; last_event_at: number | null; progress: string | null; device: string | null; parameters: number | null;
  experts: number | null; sparse_layers: number; colour: number; tags: string; note: string; archived: number; deleted_at: number | null; host: string | null; alerts: number;
}
interface StoredSummary { run: number; name: string; last: number | null; last_step: number; lowest: number | null; lowest_step: number; highest: number | null; highest_step: number }

const RUN = `
  run, id, name, status, status_message, exit_reason, attempt, step, steps, tokens, seconds, created_at, started_at, ended_at,
  last_event_at, progress, device, parameters, experts, sparse_layers, colour, tags, note, archived, deleted_at, host,
  (SELECT count(*) FROM alert WHERE alert.run = run.run) AS alerts`;
const SUMMARY = "run, name, last, last_step, lowest, lowest_step, highest, highest_step";

const toSummary = (row: StoredSummary): Summary => ({
  last: toWire(row.last ?? NaN), lastStep: row.last_step,
  min: toWire(row.lowest ?? NaN), minStep: row.lowest_step, max: toWire(row.highest ?? NaN), maxStep: row.highest_step,
});

function toRun(row: StoredRun, summaries: StoredSummary[]): RunSummary {
  return {
    id: row.id, name: row.name, status: row.status, statusMessage: row.status_message, exitReason: row.exit_reason,
    attempt: row.attempt, step: row.step, steps: row.steps, tokens: row.tokens, seconds: row.seconds,
    createdAt: row.created_at, startedAt: row.started_at, endedAt: row.ended_at, lastEventAt: row.last_event_at,
    // What a run was busy with when it ended is not progress.
    progress: row.progress && row.ended_at === null ? JSON.parse(row.progress) : null, device: row.device, parameters: row.parameters,
    experts: row.experts, sparseLayers: row.sparse_layers, colour: row.colour, tags: JSON.parse(row.tags), note: row.note,
    host: row.host, archived: row.archived === 1, deletedAt: row.deleted_at, alerts: row.alerts,
    metrics: Object.fromEntries(summaries.map((summary) => [summary.name, toSummary(summary)])),
  };
}

/** All runs, newest first, with the summary of the listed metrics. */
export function listRuns(db: ReadableDB): RunSummary[] {
  return timed("list of runs", () => {
    const byRun = new Map<number, StoredSummary[]>();
    const listed = statement<StoredSummary>(db, `SELECT ${SUMMARY} FROM metric WHERE count > 0 AND name IN (${LISTED.map(() => "?").join(", ")})`).all(...LISTED);
    for (const row of listed) {
      const rows = byRun.get(row.run);
      if (rows) rows.push(row);
      else byRun.set(row.run, [row]);
    }
    return statement<StoredRun>(db, `SELECT ${RUN} FROM run ORDER BY id DESC`).all().map((row) => toRun(row, byRun.get(row.run) ?? []));
  });
}

/** One run with the summary of the listed metrics, or of all it has. */
export function readRun(db: ReadableDB, run: number, all: boolean): RunSummary | null {
  const row = statement<StoredRun>(db, `SELECT ${RUN} FROM run WHERE run = ?`).get(run);
  if (!row) return null;
  const summaries = statement<StoredSummary>(db, `SELECT ${SUMMARY} FROM metric WHERE run = ? AND count > 0 ORDER BY metric`).all(run);
  return toRun(row, all ? summaries : summaries.filter(({ name }) => LISTED.includes(name)));
}
