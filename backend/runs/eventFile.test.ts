import { appendFileSync, copyFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MAX_EVENT_BYTES } from "../../contract/events.ts";
import { rowsAfter } from "../../db/liveRows.ts";
import { openWritable, statement, type WritableDB } from "../../db/database.ts";
import { addRun, listRuns, metricNames, newestOrdinal, readingCounts, readRun, removeRun } from "../../db/runRows.ts";
import { readSeries } from "../../db/series.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { EventStream, random, stepLines } from "../fixtures/writeRun.ts";
import { EventFile } from "./eventFile.ts";

const ID = "0199aaaa-0000-7000-8000-000000000001";
let file: string;
let db: WritableDB;
let run: number;
let events: EventFile;
let stream: EventStream;

beforeEach(() => {
  const home = temporaryHome();
  file = join(home.directory, "events.jsonl");
  db = openWritable(home.database);
  run = addRun(db, { id: ID, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
  events = new EventFile(db, run, file);
  stream = new EventStream();
});
afterEach(() => db.close());

const drain = () => { while (events.readBatch().more); };
const losses = () => readSeries(db, ID, { name: "loss", points: 1000 })!.last;
const metrics = (step: number, loss: number | "NaN" = step) => stream.line({ kind: "metrics", step, tokens: step, seconds: step, values: { loss } });

test("a torn last line waits for its end", () => {
  appendFileSync(file, metrics(1));
  const text = metrics(2);
  for (let cut = 0; cut < text.length; cut += 7) {
    appendFileSync(file, text.slice(cut, cut + 7));
    drain();
    expect(losses()).toEqual(cut + 7 >= text.length ? [1, 2] : [1]);
  }
});

test("a torn character of several bytes waits as well", () => {
  const bytes = Buffer.from(stream.line({ kind: "log", step: null, level: "info", message: "Größe 🙂" }));
  for (const byte of bytes) {
    appendFileSync(file, Buffer.from([byte]));
    drain();
  }
  expect(rowsAfter(db, run, 0)!.log[0]!.message).toBe("Größe 🙂");
});

test("lines that are no events are counted and change nothing", () => {
  const hostile = [
    "not json", "null", "[]", '"text"', "{}", '{"v":2,"attempt":1,"seq":1,"t":1,"kind":"metrics"}', "\u0000\u0001", "{".repeat(5000),
    '{"__proto__":{"kind":"metrics"},"v":1}',
    '{"v":1,"attempt":1,"seq":1,"t":1,"kind":"metrics","step":-1,"tokens":1,"seconds":1,"values":{}}',
    '{"v":1,"attempt":1,"seq":1,"t":1,"kind":"metrics","step":1.5,"tokens":1,"seconds":1,"values":{}}',
    '{"v":1,"attempt":1,"seq":1,"t":1,"kind":"metrics","step":1,"tokens":1,"seconds":1,"values":{"loss":"DROP TABLE run"}}',
    '{"v":1,"attempt":1,"seq":1,"t":1,"kind":"metrics","step":1,"tokens":1,"seconds":1,"values":{"a b":1}}',
    '{"v":1,"attempt":1,"seq":1e300,"t":1,"kind":"log","level":"info","message":"x"}',
    '{"v":1,"attempt":1,"seq":1,"t":1e999,"kind":"log","level":"info","message":"x"}',
  ];
  const bytes = Buffer.from([0xff, 0xfe, 0x80, 0x0a]);
  appendFileSync(file, `${hostile.join("\n")}\n`);
  appendFileSync(file, bytes);
  appendFileSync(file, `\n\r\n${metrics(1)}`);
  drain();
  expect(losses()).toEqual([1]);
  expect(readingCounts(db, run)).toMatchObject({ unparsable: hostile.length + 1, unknown: 0, missing: 0 });
  expect(listRuns(db)).toHaveLength(1);
});

test("an unknown kind takes its place in the sequence and is passed over", () => {
  appendFileSync(file, metrics(1));
  appendFileSync(file, `{"v":1,"attempt":1,"seq":${stream.seq++},"t":1,"kind":"hologram","anything":[1]}\n`);
  appendFileSync(file, metrics(2));
  drain();
  expect(losses()).toEqual([1, 2]);
  expect(readingCounts(db, run)).toEqual({ unparsable: 0, oversized: 0, unknown: 1, repeated: 0, missing: 0 });
});

test("a line longer than a reader accepts is passed over, also when it grows while it is read", () => {
  appendFileSync(file, metrics(1));
  for (let i = 0; i < 5; i++) {
    appendFileSync(file, "x".repeat(MAX_EVENT_BYTES / 2));
    drain();
  }
  // Another process starts in the middle of it.
  events = new EventFile(db, run, file);
  drain();
  appendFileSync(file, `\n${metrics(2)}`);
  drain();
  expect(losses()).toEqual([1, 2]);
  expect(readingCounts(db, run)).toMatchObject({ oversized: 1, unparsable: 0 });
});

test("a line longer than a reader accepts that is cut before its end takes nothing with it", () => {
  appendFileSync(file, metrics(1) + "x".repeat(MAX_EVENT_BYTES * 2));
  drain();
  truncateSync(file, statSync(file).size - MAX_EVENT_BYTES * 2 + 10);
  appendFileSync(file, `\n${metrics(2)}`);
  drain();
  expect(losses()).toEqual([1, 2]);
  expect(readingCounts(db, run)).toMatchObject({ oversized: 0, unparsable: 1 });
});

test("the longest line allowed is read", () => {
  const line = stream.line({ kind: "metrics", step: 1, tokens: 1, seconds: 1, values: { loss: 1 } }).trimEnd();
  appendFileSync(file, `${line.padEnd(MAX_EVENT_BYTES)}\n${metrics(2)}`);
  drain();
  expect(losses()).toEqual([1, 2]);
});

test("events written twice are stored once", () => {
  const [one, two] = [metrics(1), metrics(2)];
  appendFileSync(file, one + two + one + two + metrics(3));
  drain();
  expect(losses()).toEqual([1, 2, 3]);
  expect(readingCounts(db, run)).toMatchObject({ repeated: 2, missing: 0 });
  expect(newestOrdinal(db, run)).toBe(3);
});

test("a file that was cut is read anew, and followers are told", () => {
  appendFileSync(file, metrics(1) + metrics(2) + metrics(3));
  drain();
  const cursor = newestOrdinal(db, run);
  stream = new EventStream();
  writeFileSync(file, metrics(1, 7));
  drain();
  expect(losses()).toEqual([7]);
  expect(rowsAfter(db, run, cursor)).toMatchObject({ resetAfterStep: -1, metrics: [{ step: 1, values: { loss: 7 } }] });
});

test("a file replaced by a longer one is noticed by its first line", () => {
  appendFileSync(file, metrics(1));
  drain();
  stream = new EventStream(1, 5);
  writeFileSync(`${file}.new`, metrics(1, 10) + metrics(2, 11) + metrics(3, 12));
  renameSync(`${file}.new`, file);
  drain();
  expect(losses()).toEqual([10, 11, 12]);
});

test("a copy of the same file goes on where the first was read to", () => {
  appendFileSync(file, metrics(1));
  drain();
  copyFileSync(file, `${file}.copy`);
  renameSync(`${file}.copy`, file);
  appendFileSync(file, metrics(2));
  drain();
  expect(losses()).toEqual([1, 2]);
  expect(newestOrdinal(db, run)).toBe(2);
});

test("an emptied file leaves no rows behind", () => {
  appendFileSync(file, metrics(1));
  drain();
  truncateSync(file, 0);
  drain();
  expect(losses()).toEqual([]);
  expect(readRun(db, run, true)!.step).toBe(0);
  expect(statement(db, "SELECT (SELECT count(*) FROM value) + (SELECT count(*) FROM bucket) + (SELECT count(*) FROM metric) AS n").get()).toEqual({ n: 0 });
});

test("a removed run leaves nothing, and the run beside it keeps all", () => {
  const mine = (id: string) => {
    const key = addRun(db, { id, spec: "{}", name: "r", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 }), path = `${file}.${key}`, one = new EventStream(1);
    for (let step = 1; step <= 40; step++) appendFileSync(path, stepLines(one, step, { experts: 2, every: 5, next: random(1) }));
    appendFileSync(path, one.line({ kind: "alert", step: 9, level: "warning", code: "spike", message: "m", stack: null, layer: null, expert: null }));
    appendFileSync(path, one.line({ kind: "log", step: 9, level: "info", message: "m" }));
    appendFileSync(path, one.line({ kind: "checkpoint", step: 9, action: "written", reason: "final", bytes: 1, evaluationLoss: null, best: false }));
    appendFileSync(path, new EventStream(2).line({ kind: "attempt", fromStep: 40, parameters: 1, device: "cpu", precision: "fp32" }));
    const reader = new EventFile(db, key, path);
    while (reader.readBatch().more);
    return key;
  };
  const tables = statement<{ name: string }>(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all().map(({ name }) => name);
  const counts = () => Object.fromEntries(tables.map((name) => [name, statement<{ n: number }>(db, `SELECT count(*) AS n FROM ${name}`).get()!.n]));
  mine("0199aaaa-0000-7000-8000-000000000002");
  const before = counts(), removed = mine("0199aaaa-0000-7000-8000-000000000003");
  expect(Math.min(...Object.values(before))).toBeGreaterThan(0);
  expect(counts()).toEqual(Object.fromEntries(Object.entries(before).map(([name, n]) => [name, name === "run" ? n + 1 : 2 * n])));
  removeRun(db, removed);
  expect(counts()).toEqual(before);
  expect(db.pragma("foreign_key_check")).toEqual([]);
});

test("numbers that are not finite keep their value; evaluation values get their prefix", () => {
  appendFileSync(file, metrics(1, "NaN"));
  appendFileSync(file, stream.line({ kind: "evaluation", step: 1, tokens: 1, seconds: 1, values: { loss: "Infinity", "evaluation.accuracy": 0.5 } }));
  drain();
  expect(losses()).toEqual(["NaN"]);
  expect(metricNames(db, run)).toEqual(["loss", "evaluation.loss", "evaluation.accuracy"]);
  expect(readSeries(db, ID, { name: "evaluation.loss", points: 5 })!.last).toEqual(["Infinity"]);
});

test("a resume supersedes routing, alerts and metrics after its step; the log stays", () => {
  const routing = (step: number) => stream.line({ kind: "routing", step, stack: "encoder", layer: 1, experts: 2, capacity: 1, groups: 1, tokens: 2, load: [1, 1], kept: [1, 1], probability: [1, 1], entropy: 0, confidence: 1, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [] });
  for (let step = 1; step <= 10; step++) appendFileSync(file, metrics(step) + routing(step));
  appendFileSync(file, stream.line({ kind: "alert", step: 9, level: "warning", code: "spike", message: "m", stack: null, layer: null, expert: null }));
  appendFileSync(file, stream.line({ kind: "log", step: 9, level: "info", message: "m" }));
  drain();
  const cursor = newestOrdinal(db, run);
  stream = new EventStream(2);
  appendFileSync(file, stream.line({ kind: "attempt", fromStep: 6, parameters: 1, device: "cpu", precision: "fp32" }) + metrics(7, 70) + routing(7));
  drain();
  expect(losses()).toEqual([1, 2, 3, 4, 5, 6, 70]);
  expect(rowsAfter(db, run, cursor)).toMatchObject({ resetAfterStep: 6, metrics: [{ step: 7, values: { loss: 70 } }], routing: [{ step: 7 }] });
  expect(rowsAfter(db, run, 0)).toMatchObject({ alerts: [], log: [{ message: "m" }] });
  expect(statement<{ step: number }>(db, "SELECT step FROM routing_step ORDER BY number").all().map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  // An event of the attempt before, from a process that should be gone, is refused.
  stream = new EventStream(1);
  stream.seq = 1000;
  appendFileSync(file, metrics(8));
  drain();
  expect(losses()).toHaveLength(7);
});

test("a trainer that makes up metric names without end can't fill the database with them", () => {
  for (let i = 0; i < 30; i++)
    appendFileSync(file, stream.line({ kind: "metrics", step: i + 1, tokens: 1, seconds: 1, values: Object.fromEntries(Array.from({ length: 100 }, (_, j) => [`m${i}_${j}`, 1])) }));
  drain();
  expect(metricNames(db, run)).toHaveLength(2000);
  expect(readingCounts(db, run).unknown).toBe(1000);
});
