import { afterAll, beforeAll, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromWire, toWire, type RunEvent } from "../contract/events.ts";
import type { Series } from "../contract/handlers.ts";
import { RunWriter } from "./applyEvents.ts";
import { openWritable, statement, type WritableDB } from "./database.ts";
import { addRun, readRun } from "./runRows.ts";
import { readSeries } from "./series.ts";

const ID = "0199aaaa-0000-7000-8000-000000000001";
let directory: string;
let db: WritableDB;
let run: number;
let writer: RunWriter;
const points: { step: number; value: number }[] = [];
let seq = 0;

const metrics = (step: number, value: number, attempt = 1): RunEvent =>
  ({ v: 1, attempt, seq: seq++, t: 1, kind: "metrics", step, tokens: step * 3, seconds: step / 2, values: { loss: toWire(value) } });
const store = (events: RunEvent[]) => writer.apply({ events, offset: 0, unparsable: 0, oversized: 0 });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "switchyard-series-"));
  db = openWritable(join(directory, "test.db"));
  run = addRun(db, { id: ID, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
  writer = new RunWriter(db, run);
  // Uneven steps with holes, spikes, NaN and infinities, in batches of uneven size.
  let step = 0;
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  let batch: RunEvent[] = [];
  for (let i = 0; i < 20_000; i++) {
    step += i % 5000 < 50 ? 1 + Math.floor(next() * 400) : 1;
    const value = i % 1777 === 0 ? NaN : i % 3331 === 1 ? Infinity : i % 4999 === 1 ? -Infinity : next() * 10 - 5;
    points.push({ step, value });
    batch.push(metrics(step, value));
    if (next() < 0.01) store(batch), (batch = []);
  }
  store(batch);
});
afterAll(() => {
  db.close();
  rmSync(directory, { recursive: true });
});

/** Each bucket must say of the points since the bucket before it what the points themselves say. */
function expectTrue(series: Series, from = 0, to = Infinity) {
  const within = points.filter(({ step }) => step >= from && step <= to);
  expect(series.count).toBe(within.length);
  let at = 0;
  series.step.forEach((end, i) => {
    const covered: { step: number; value: number }[] = [];
    while (at < within.length && within[at]!.step <= end) covered.push(within[at++]!);
    const real = covered.map(({ value }) => value).filter((value) => !Number.isNaN(value));
    expect(covered.at(-1)).toEqual({ step: end, value: fromWire(series.last[i]!) });
    expect(fromWire(series.min[i]!)).toBe(real.length ? real.reduce((a, b) => Math.min(a, b)) : NaN);
    expect(fromWire(series.max[i]!)).toBe(real.length ? real.reduce((a, b) => Math.max(a, b)) : NaN);
    expect(series.tokens[i]).toBe(end * 3);
    expect(series.seconds[i]).toBe(end / 2);
  });
  expect(at).toBe(within.length);
}

test.each([2, 3, 10, 100, 999, 1000, 5000])("a series of at most %i points tells the truth about every row", (wanted) => {
  const series = readSeries(db, ID, { name: "loss", points: wanted })!;
  expect(series.step.length).toBeLessThanOrEqual(wanted);
  expect(series.step.length).toBeGreaterThan(wanted / 2 - 1);
  expect(series.reduced).toBe(true);
  expectTrue(series);
});

test("few enough rows come as they are", () => {
  const series = readSeries(db, ID, { name: "loss", points: 20_000 })!;
  expect(series).toMatchObject({ reduced: false, count: 20_000 });
  expect(series.step).toEqual(points.map(({ step }) => step));
});

test.each([[0, 0], [1, 1], [17, 300], [1000, 9000], [4095, 4096], [4096, 8191], [5000, 1e9], [points.length, 12_345]])("zooming to steps %i to %i is exact at its edges", (from, to) => {
  const series = readSeries(db, ID, { name: "loss", points: 50, from, to })!;
  expect(series.step.length).toBeLessThanOrEqual(50);
  expectTrue(series, from, to);
});

test("a metric never recorded is empty, a run unknown is null", () => {
  expect(readSeries(db, ID, { name: "nothing", points: 10 })).toMatchObject({ count: 0, step: [] });
  expect(readSeries(db, "0199aaaa-0000-7000-8000-000000000009", { name: "loss", points: 10 })).toBeNull();
});

test("the summary is that of all rows", () => {
  const real = points.filter(({ value }) => !Number.isNaN(value));
  const { loss } = readRun(db, run, true)!.metrics;
  expect(loss).toMatchObject({ lastStep: points.at(-1)!.step, last: toWire(points.at(-1)!.value) });
  expect(fromWire(loss!.max)).toBe(Math.max(...real.map(({ value }) => value)));
  expect(fromWire(loss!.min)).toBe(Math.min(...real.map(({ value }) => value)));
});

test("an attempt supersedes what came after its step, in rows, pyramid and summary", () => {
  const fromStep = points[12_345]!.step;
  points.splice(12_346);
  seq = 0;
  const again = Array.from({ length: 500 }, (_, i) => ({ step: fromStep + 1 + i * 2, value: i % 100 === 3 ? 1000 + i : -i / 1000 }));
  points.push(...again);
  store([
    { v: 1, attempt: 2, seq: seq++, t: 2, kind: "attempt", fromStep, parameters: 1, device: "cpu", precision: "fp32" },
    ...again.map(({ step, value }) => metrics(step, value, 2)),
  ]);
  for (const wanted of [2, 10, 100, 1000]) expectTrue(readSeries(db, ID, { name: "loss", points: wanted })!);
  expect(readRun(db, run, true)).toMatchObject({ attempt: 2, step: again.at(-1)!.step });
  expect(statement<{ n: number }>(db, "SELECT count(*) AS n FROM sample").get()!.n).toBe(points.length);
});

test("an attempt from step 0 leaves nothing of what was", () => {
  seq = 0;
  store([{ v: 1, attempt: 3, seq: seq++, t: 3, kind: "attempt", fromStep: 0, parameters: 1, device: "cpu", precision: "fp32" }]);
  expect(readSeries(db, ID, { name: "loss", points: 10 })).toMatchObject({ count: 0 });
  expect(readRun(db, run, true)).toMatchObject({ step: 0, metrics: {} });
  expect(statement<{ n: number }>(db, "SELECT count(*) AS n FROM bucket").get()!.n).toBe(0);
});

/** Of each metric those buckets are there that no later step can lie in, and each says what its rows say. */
function expectPyramid(db: WritableDB) {
  for (const { metric } of statement<{ metric: number }>(db, "SELECT DISTINCT metric FROM value").all()) {
    const rows = statement<{ step: number; value: number | null }>(db, "SELECT step, value FROM value WHERE metric = ? ORDER BY step").all(metric), newest = rows.at(-1)!.step;
    for (let level = 1, width = 16; level <= 6; level++, width *= 16) {
      const parts = Map.groupBy(rows, ({ step }) => Math.floor(step / width));
      const real = [...parts].filter(([bucket]) => (bucket + 1) * width <= newest + 1).map(([bucket, part]) => {
        const numbers = part.flatMap(({ value }) => (value === null ? [] : [value])), extreme = (of: typeof Math.min) => (numbers.length === 0 ? null : of(...numbers));
        return { bucket, count: part.length, last: part.at(-1)!.value, last_step: part.at(-1)!.step, lowest: extreme(Math.min), highest: extreme(Math.max) };
      });
      expect(statement(db, "SELECT bucket, count, last, last_step, lowest, highest FROM bucket WHERE metric = ? AND level = ? ORDER BY bucket").all(metric, level)).toEqual(real);
    }
  }
}

test("a pyramid as it was written before, with buckets that still grow, goes on as if there were none", () => {
  const old = openWritable(join(directory, "old.db")), key = addRun(old, { id: ID, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
  const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i): RunEvent => ({ v: 1, attempt: 1, seq: from + i, t: 1, kind: "metrics", step: from + i, tokens: 1, seconds: 1, values: { loss: Math.sin(from + i) } }));
  const batch = (from: number, to: number) => ({ events: events(from, to), offset: 0, unparsable: 0, oversized: 0 });
  new RunWriter(old, key).apply(batch(0, 300));
  const metric = statement<{ metric: number }>(old, "SELECT metric FROM metric").get()!.metric;
  for (let level = 1, width = 16; level <= 6; level++, width *= 16) {
    const first = Math.floor(300 / width) * width;
    statement(old, `INSERT INTO bucket SELECT metric, ?, ?, count(*), (SELECT value FROM value WHERE metric = $m ORDER BY step DESC LIMIT 1), max(step), min(value), 0, max(value), 0
      FROM value WHERE metric = $m AND step >= ? GROUP BY metric`).run(level, first / width, first, { m: metric });
  }
  expect(readSeries(old, ID, { name: "loss", points: 3 })).toMatchObject({ count: 300 });
  new RunWriter(old, key).apply(batch(300, 5000));
  statement(old, "DELETE FROM bucket WHERE (bucket + 1) * pow(16, level) > 5000").run();
  expectPyramid(old);
  expect(readSeries(old, ID, { name: "loss", points: 3 })).toMatchObject({ count: 5000 });
  old.close();
});

test("events stored together leave what they leave stored one by one: out of order, repeated, superseded", () => {
  let state = 23;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647, events: RunEvent[] = [];
  for (let i = 0, attempt = 1, number = 0, step = 0; i < 3000; i++) {
    if (next() < 0.004) {
      step = Math.max(0, step - Math.floor(next() * 200));
      events.push({ v: 1, attempt: ++attempt, seq: (number = 0), t: 1, kind: "attempt", fromStep: step - 1, parameters: 0, device: "cpu", precision: "fp32" });
      continue;
    }
    step = Math.max(0, step + (next() < 0.05 ? -Math.floor(next() * 20) : next() < 0.1 ? 0 : 1 + Math.floor(next() * 3)));
    // One infinity: of two equal extremes either step may be told.
    const names = ["a", "b", "c", "d"].filter(() => next() < 0.8);
    const values = Object.fromEntries(names.map((name) => [name, toWire(next() < 0.02 ? NaN : i === 2900 ? Infinity : next())]));
    events.push({ v: 1, attempt, seq: ++number, t: 1, kind: next() < 0.2 ? "evaluation" : "metrics", step, tokens: step, seconds: step, values });
  }
  const left = (batches: RunEvent[][]) => {
    const file = join(directory, `batches-${batches.length}.db`), other = openWritable(file);
    const key = addRun(other, { id: ID, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
    const writers = [new RunWriter(other, key), new RunWriter(other, key)];
    batches.forEach((batch, i) => writers[i % 7 === 0 ? 1 : 0]!.apply({ events: batch, offset: 0, unparsable: 0, oversized: 0 }));
    const tables = ["SELECT * FROM sample", "SELECT name, count, last, last_step, lowest, lowest_step, highest, highest_step FROM metric ORDER BY name",
      "SELECT name, step, value FROM value JOIN metric USING (metric) ORDER BY name, step",
      "SELECT name, level, bucket, b.count, b.last, b.last_step, b.lowest, b.lowest_step, b.highest, b.highest_step FROM bucket b JOIN metric USING (metric) ORDER BY name, level, bucket"]
      .map((sql) => statement(other, sql).all());
    expectPyramid(other);
    expect(statement(other, "SELECT name FROM metric WHERE count <> (SELECT count(*) FROM value WHERE value.metric = metric.metric)").all()).toEqual([]);
    other.close();
    return tables;
  };
  const single = left(events.map((event) => [event]));
  expect(single[2]!.length).toBeGreaterThan(1000);
  expect(left([events])).toEqual(single);
  expect(left(Array.from({ length: 24 }, (_, i) => events.slice(i * 125, (i + 1) * 125)))).toEqual(single);
});
