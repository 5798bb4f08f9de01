// Routing: one packed row a run, step and sparse layer.
import type { RoutingHistory, RoutingRow } from "../contract/handlers.ts";
import type { RoutingLayer, Stack } from "../contract/events.ts";
import { statement, type ReadableDB, type WritableDB } from "./database.ts";
import { ManyRows } from "./manyRows.ts";
import { packRouting, unpackRouting } from "./routingPacking.ts";
import { timed } from "./slowQueries.ts";

/** Order of the stacks in every list: encoder first. */
const STACKS = ["encoder", "decoder"] as const satisfies readonly Stack[];
const stackNumber = (stack: Stack) => STACKS.indexOf(stack);
const stackName = (number: number): Stack => STACKS[number] ?? "decoder";

/** Most steps `routing.steps` returns. */
export const MAX_ROUTING_STEPS = 2000;

interface StoredRouting { stack: number; layer: number; step: number; packed: Buffer }
const toRow = ({ stack, layer, step, packed }: StoredRouting): RoutingRow => ({ step, stack: stackName(stack), layer, ...unpackRouting(packed) });

const ROWS = new ManyRows("INSERT OR FAIL INTO routing (run, stack, layer, step, ordinal, packed) VALUES", 6, "ON CONFLICT DO NOTHING");

/** The routing of one run. Like the writer of its metrics it lives on between transactions. */
export class RoutingWriter {
  #db: WritableDB;
  #run: number;
  /** Rows that wait to be inserted together. */
  #waiting: unknown[] = [];
  /** Experts of each layer that has rows. */
  #experts = new Map<number, number>();
  #newestStep!: number;
  #steps!: number;

  constructor(db: WritableDB, run: number) {
    this.#db = db;
    this.#run = run;
    for (const { stack, layer, experts } of layers(db, run)) this.#experts.set(layerKey(stackNumber(stack), layer), experts);
    this.#readSteps();
  }

  /** Adds one layer at one step; what is already recorded there stays. */
  add(ordinal: number, step: number, routing: RoutingLayer): void {
    const stack = stackNumber(routing.stack), { layer, experts } = routing, key = layerKey(stack, layer);
    this.#waiting.push(this.#run, stack, layer, step, ordinal, packRouting(routing));
    if (step > this.#newestStep || (step < this.#newestStep && !this.#hasStep(step))) {
      statement(this.#db, "INSERT INTO routing_step (run, number, step) VALUES (?, ?, ?)").run(this.#run, ++this.#steps, step);
      this.#newestStep = Math.max(this.#newestStep, step);
    }
    if (this.#experts.get(key) === experts) return;
    statement(this.#db, "INSERT INTO routing_layer (run, stack, layer, experts) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET experts = excluded.experts").run(this.#run, stack, layer, experts);
    this.#experts.set(key, experts);
  }

  /** Writes what waits. Call once, at the end of the transaction. */
  flush(): void {
    ROWS.insert(this.#db, this.#waiting);
    this.#waiting = [];
  }

  /** Drops everything after `step`, and what was added in this transaction after it. */
  rewind(step: number): void {
    this.flush();
    rewindRouting(this.#db, this.#run, step);
    this.#readSteps();
  }

  #hasStep(step: number): boolean {
    return statement(this.#db, "SELECT 1 FROM routing_step WHERE run = ? AND step = ?").get(this.#run, step) !== undefined;
  }

  #readSteps(): void {
    const { steps, newest } = statement<{ steps: number; newest: number }>(this.#db, "SELECT coalesce(max(number), 0) AS steps, coalesce(max(step), -1) AS newest FROM routing_step WHERE run = ?").get(this.#run)!;
    this.#steps = steps;
    this.#newestStep = newest;
  }
}

const layerKey = (stack: number, layer: number) => 2 * layer + stack;

function rewindRouting(db: WritableDB, run: number, step: number): void {
  for (const { stack, layer } of layers(db, run))
    statement(db, "DELETE FROM routing WHERE run = ? AND stack = ? AND layer = ? AND step > ?").run(run, stackNumber(stack), layer, step);
  // Steps are numbered in the order they came, which is the order of steps but for a broken trainer: then the numbers
  // would have gaps, so they are counted anew.
  statement(db, "DELETE FROM routing_step WHERE run = ? AND step > ?").run(run, step);
  const { most, count } = statement<{ most: number; count: number }>(db, "SELECT coalesce(max(number), 0) AS most, count(*) AS count FROM routing_step WHERE run = ?").get(run)!;
  if (most === count) return;
  const steps = statement<{ step: number }>(db, "SELECT step FROM routing_step WHERE run = ? ORDER BY step").all(run);
  statement(db, "DELETE FROM routing_step WHERE run = ?").run(run);
  const insert = statement(db, "INSERT INTO routing_step (run, number, step) VALUES (?, ?, ?)");
  steps.forEach(({ step }, i) => insert.run(run, i + 1, step));
}

/** The sparse layers that have recorded routing, encoder first. */
export function layers(db: ReadableDB, run: number): { stack: Stack; layer: number; experts: number }[] {
  return statement<{ stack: number; layer: number; experts: number }>(db, "SELECT stack, layer, experts FROM routing_layer WHERE run = ? ORDER BY stack, layer")
    .all(run).map((row) => ({ ...row, stack: stackName(row.stack) }));
}

/** The newest recorded routing of each layer at or before `step`. */
export function routingAt(db: ReadableDB, run: number, step: number): RoutingRow[] {
  return layers(db, run).flatMap(({ stack, layer }) => {
    const row = statement<StoredRouting>(db, "SELECT stack, layer, step, packed FROM routing WHERE run = ? AND stack = ? AND layer = ? AND step <= ? ORDER BY step DESC LIMIT 1")
      .get(run, stackNumber(stack), layer, step);
    return row ? [toRow(row)] : [];
  });
}

/** `wanted` numbers from `first` to `last`, evenly spread, both ends included. */
function spread(first: number, last: number, wanted: number): number[] {
  const count = last - first + 1;
  if (count <= wanted) return Array.from({ length: Math.max(0, count) }, (_, i) => first + i);
  return Array.from({ length: wanted }, (_, i) => first + Math.round((i * (count - 1)) / (wanted - 1)));
}

/** At most `wanted` of the steps between `from` and `to`, first and last included, and how many there are. */
function thinnedSteps(db: ReadableDB, run: number, from: number, to: number, wanted: number): { steps: number[]; count: number } {
  const first = statement<{ number: number }>(db, "SELECT number FROM routing_step WHERE run = ? AND step >= ? ORDER BY step LIMIT 1").get(run, from)?.number;
  const last = statement<{ number: number }>(db, "SELECT number FROM routing_step WHERE run = ? AND step <= ? ORDER BY step DESC LIMIT 1").get(run, to)?.number;
  if (first === undefined || last === undefined || last < first) return { steps: [], count: 0 };
  const at = statement<{ step: number }>(db, "SELECT step FROM routing_step WHERE run = ? AND number = ?");
  const steps = spread(first, last, wanted).map((number) => at.get(run, number)!.step);
  return { steps: [...new Set(steps)].sort((a, b) => a - b), count: last - first + 1 };
}

/** All steps with recorded routing, thinned to at most MAX_ROUTING_STEPS, first and last included. */
export const routingSteps = (db: ReadableDB, run: number) => thinnedSteps(db, run, 0, Number.MAX_SAFE_INTEGER, MAX_ROUTING_STEPS);

export interface HistoryQuery { stack: Stack; layer: number; points: number; from?: number | undefined; to?: number | undefined }

/** One layer over time, at most `points` recorded steps evenly spread, each exact. Null when there is no such run. */
export function readRoutingHistory(db: ReadableDB, id: string, query: HistoryQuery): RoutingHistory | null {
  return timed("routing history", () => {
    const run = statement<{ run: number; ordinal: number }>(db, "SELECT run, ordinal FROM run WHERE id = ?").get(id);
    if (!run) return null;
    const { steps, count } = thinnedSteps(db, run.run, query.from ?? 0, query.to ?? Number.MAX_SAFE_INTEGER, query.points);
    const read = statement<StoredRouting>(db, "SELECT stack, layer, step, packed FROM routing WHERE run = ? AND stack = ? AND layer = ? AND step = ?");
    const rows = steps.flatMap((step) => {
      const row = read.get(run.run, stackNumber(query.stack), query.layer, step);
      return row ? [toRow(row)] : [];
    });
    const column = <K extends keyof RoutingRow>(name: K) => rows.map((row) => row[name]);
    return {
      stack: query.stack, layer: query.layer, experts: rows.at(-1)?.experts ?? 0, count, reduced: steps.length < count,
      step: column("step"), capacity: column("capacity"), tokens: column("tokens"), groups: column("groups"),
      load: column("load"), kept: column("kept"), probability: column("probability"),
      entropy: column("entropy"), confidence: column("confidence"), dropped: column("dropped"), auxiliaryLoss: column("auxiliaryLoss"),
      cursor: run.ordinal,
    };
  });
}

/** Rows with an ordinal after `after` up to `upTo`. */
export function routingBetween(db: ReadableDB, run: number, after: number, upTo: number): RoutingRow[] {
  return statement<StoredRouting>(db, "SELECT stack, layer, step, packed FROM routing WHERE run = ? AND ordinal > ? AND ordinal <= ? ORDER BY ordinal")
    .all(run, after, upTo).map(toRow);
}

/** Every row of a run, by step and layer, one at a time. */
export function* allRouting(db: ReadableDB, run: number): Generator<RoutingRow> {
  const rows = db.prepare<[number], StoredRouting>("SELECT stack, layer, step, packed FROM routing WHERE run = ? ORDER BY step, stack, layer").iterate(run);
  for (const row of rows) yield toRow(row);
}
