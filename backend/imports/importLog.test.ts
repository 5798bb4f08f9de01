import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { ColumnMapping } from "../../contract/columnMapping.ts";
import { fromWire, RunEvent } from "../../contract/events.ts";
import { importedFrom } from "../../contract/runSpec.ts";
import { openWritable } from "../../db/database.ts";
import { readSeries } from "../../db/series.ts";
import { framed, scalarRecord, varint } from "../fixtures/scalarRecord.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import type { Home } from "../home.ts";
import { Ingest } from "../runs/ingest.ts";
import { readExit, readSpec, runDirectories } from "../runs/runFiles.ts";
import { findLogs } from "./findLogs.ts";
import { importOnce } from "./importLog.ts";

const fixtures = join(import.meta.dirname, "../fixtures/logs");
const NO_MAP: ColumnMapping = { metrics: {}, columns: {} };
let home: Home, folder: string;
beforeEach(() => {
  home = temporaryHome();
  folder = join(home.directory, "logs");
  mkdirSync(folder);
});

async function importAll(path: string, map = NO_MAP) {
  const reports = [];
  for (const log of findLogs(path, null)) reports.push(await importOnce(home, log, map));
  return reports;
}
const eventsOf = (id: string) => readFileSync(join(home.runs, id, "events.jsonl"), "utf8").trimEnd().split("\n").map((line) => RunEvent.parse(JSON.parse(line)));
const valuesOf = (id: string, name: string) => eventsOf(id).flatMap((event) => ("values" in event && name in event.values ? [[event.step, fromWire(event.values[name]!)]] : []));

/** What the interface would be given: through the database, superseded rows gone. */
async function stored(id: string, name: string): Promise<[number, number][]> {
  const db = openWritable(home.database), problems: string[] = [];
  const ingest = new Ingest(db, home.runs, { changed: () => {}, removed: () => {}, problem: (message) => problems.push(message) });
  await ingest.start();
  const series = readSeries(db, id, { name, points: 1000 })!;
  await ingest.stop();
  db.close();
  expect(problems).toEqual([]);
  return series.step.map((step, i) => [step, fromWire(series.last[i]!)]);
}

test("MaxText's event file fills the panels; a loss of weight 0 is not recorded, other names are kept", async () => {
  const [report] = await importAll(join(fixtures, "maxtext"));
  expect(Object.fromEntries(report!.names)).toEqual({
    "learning/loss": "loss", "learning/moe_lb_loss": "learning/moe_lb_loss", "learning/raw_grad_norm": "gradientNorm",
    "perf/step_time_seconds": "stepSeconds", "perf/per_device_tokens_per_sec": "perf/per_device_tokens_per_sec",
  });
  expect(await stored(report!.runId, "loss")).toEqual(Array.from({ length: 20 }, (_, step) => [step, 10 - step / 4]));
  expect((await stored(report!.runId, "gradientNorm"))[7]).toEqual([7, NaN]);
  expect(valuesOf(report!.runId, "learning/moe_lb_loss")).toEqual([]);
  expect(importedFrom(readSpec(join(home.runs, report!.runId)))).toEqual({ kind: "imported", path: join(fixtures, "maxtext"), format: "tensorboard" });
  expect(readExit(join(home.runs, report!.runId))).toMatchObject({ reason: "stopped", step: 19 });
});

test("a restart supersedes the rows from its step on", async () => {
  const [report] = await importAll(join(fixtures, "restarted"));
  expect(await stored(report!.runId, "loss")).toEqual([...[0, 1, 2, 3, 4, 5].map((step) => [step, 100 + step]), ...[6, 7, 8, 9, 10, 11].map((step) => [step, 200 + step])]);
});

test("importing again reads on: the same run, no row twice, wherever the file was cut", async () => {
  cpSync(join(fixtures, "tensors"), folder, { recursive: true });
  const [whole] = await importAll(folder), expected = ["loss", "epoch_accuracy", "int32"].map((name) => valuesOf(whole!.runId, name));
  const file = join(folder, findFile(folder)), bytes = readFileSync(file);
  for (let cut = 1; cut < bytes.length; cut += 67) {
    home = temporaryHome();
    writeFileSync(file, bytes.subarray(0, cut));
    await importAll(folder);
    appendFileSync(file, bytes.subarray(cut));
    const [second] = await importAll(folder);
    expect((await importAll(folder))[0]!.added).toBe(0);
    expect(runDirectories(home.runs)).toEqual([second!.runId]);
    expect(["loss", "epoch_accuracy", "int32"].map((name) => valuesOf(second!.runId, name)), `cut at ${cut}`).toEqual(expected);
    const seqs = eventsOf(second!.runId).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i));
  }
});
const findFile = (path: string): string => readdirSync(path)[0]!;

test("killed between what was read and its events, the import goes on with the same bytes", async () => {
  cpSync(join(fixtures, "maxtext"), folder, { recursive: true });
  const [report] = await importAll(folder), events = join(home.runs, report!.runId, "events.jsonl"), whole = readFileSync(events);
  for (const length of [0, 1, 400, whole.length - 1]) {
    truncateSync(events, length);
    expect((await importAll(folder))[0]!.added).toBe(0);
    expect(readFileSync(events).equals(whole)).toBe(true);
  }
});

test("killed at any moment of storing a later piece, the import goes on with the same bytes", async () => {
  const [name, lines] = ["events.out.tfevents.1.a", (id: string) => join(home.runs, id, "import.lines")] as const;
  const rows = (from: number, to: number) => Buffer.concat(Array.from({ length: to - from }, (_, i) => scalarRecord("loss", from + i, i / 8)));
  writeFileSync(join(folder, name), rows(0, 50));
  const [first] = await importAll(folder), id = first!.runId, events = join(home.runs, id, "events.jsonl"), one = readFileSync(events);
  appendFileSync(join(folder, name), rows(50, 90));
  await importAll(folder);
  const two = readFileSync(events);
  // import.json tells of the second piece, whose events are not all there.
  for (const length of [one.length, one.length + 1, two.length - 1]) {
    truncateSync(events, length);
    await importAll(folder);
    expect(readFileSync(events).equals(two)).toBe(true);
  }
  // import.lines holds the third piece or a part of it, import.json still tells of the second.
  writeFileSync(lines(id), readFileSync(lines(id)).subarray(0, 7));
  appendFileSync(join(folder, name), rows(90, 95));
  expect((await importAll(folder))[0]!.added).toBe(5);
  expect(valuesOf(id, "loss").map(([step]) => step)).toEqual(Array.from({ length: 95 }, (_, step) => step));
  // Both are gone: that is said, and nothing made up.
  truncateSync(events, 10);
  truncateSync(lines(id), 3);
  await expect(importAll(folder)).rejects.toThrow(/import\.lines is not whole; remove that run and import its log anew\./);
});

test("each line is what JSON makes of its event, whatever the numbers and however the tags change from step to step", async () => {
  const steps: [string, number][][] = [
    [["a", 1], ["b", NaN], ["moe_lb_loss", 0]], [["a", -0], ["b", Infinity], ["moe_lb_loss", 0.5]], [["b", 1e-30], ["a", 3e38]], [["a", 0.1]], [["a", 5], ["c", -Infinity], ["b", 2]],
    [["moe_lb_loss", 0]], [["eval/loss", 2], ["a", 7]], [["c", 1], ["eval/loss", 0.3], ["d", 4]], [["a", 1], ["b", 2], ["c", 3], ["d", 4]], [["a", 1], ["b", 2], ["c", 3]],
  ];
  writeFileSync(join(folder, "events.out.tfevents.1.a"), Buffer.concat(steps.flatMap((values, step) => values.map(([tag, value]) => scalarRecord(tag, step, value)))));
  const [report] = await importAll(folder), names = new Map(report!.names);
  const read = eventsOf(report!.runId).flatMap((event) => ("values" in event ? Object.entries(event.values).map(([name, value]) => [event.step, name, fromWire(value)]) : []));
  const logged = steps.flatMap((values, step) => values.flatMap(([tag, value]) => (tag === "moe_lb_loss" && value === 0 ? [] : [[step, names.get(tag), Math.fround(value) + 0]])));
  const inOrder = (rows: unknown[][]) => rows.map((row) => JSON.stringify(row.map(String))).sort();
  expect(inOrder(read)).toEqual(inOrder(logged));
  for (const line of readFileSync(join(home.runs, report!.runId, "events.jsonl"), "utf8").trimEnd().split("\n")) expect(line).toBe(JSON.stringify(JSON.parse(line)));
});

test("a piece of many slices, records larger than a slice among them, gives each row once", async () => {
  const big = framed(Buffer.concat([Buffer.from([0x7a, ...varint(700_000n)]), Buffer.alloc(700_000)])), parts: Buffer[] = [];
  for (let step = 0; step < 60_000; step++) parts.push(scalarRecord("loss", step, step % 7), ...(step % 9000 === 0 ? [big] : []));
  writeFileSync(join(folder, "events.out.tfevents.1.a"), Buffer.concat(parts));
  const [report] = await importAll(folder);
  expect(report).toMatchObject({ rows: 60_000, step: 59_999, problems: [] });
  expect(valuesOf(report!.runId, "loss")).toEqual(Array.from({ length: 60_000 }, (_, step) => [step, step % 7]));
});

test("MaxText's metrics file is read with its bare NaN, and one that was begun anew replaces its rows", async () => {
  const file = join(folder, "metrics.txt");
  const line = (step: number, loss: string) => `{"learning/loss": ${loss}, "learning/current_learning_rate": 3e-05, "perf/step_time_seconds": 4.9, "step": ${step}.0, "run_name": "a NaN \\"run\\""}\n`;
  writeFileSync(file, line(0, "10.5") + line(1, "NaN") + line(2, "-Infinity") + '{"learning/loss": 9.0, "st');
  expect(findLogs(file, null)[0]!.format).toBe("maxtext");
  const [report] = await importAll(file);
  expect(await stored(report!.runId, "loss")).toEqual([[0, 10.5], [1, NaN], [2, -Infinity]]);
  appendFileSync(file, 'ep": 3.0}\n');
  await importAll(file);
  expect((await stored(report!.runId, "loss")).at(-1)).toEqual([3, 9]);
  writeFileSync(file, line(0, "7") + line(1, "6"));
  expect((await importAll(file))[0]!.runId).toBe(report!.runId);
  expect(await stored(report!.runId, "loss")).toEqual([[0, 7], [1, 6]]);
});

test("CSV and JSONL follow a mapping of columns", async () => {
  const csv = join(folder, "log.csv");
  writeFileSync(csv, '\uFEFFtick,"train, loss",lr,note\n1,5.5,1e-3,"a ""b"""\n2,nan,,x\n');
  const map = { metrics: { loss: "train, loss" }, columns: { step: "tick" } };
  const [report] = await importAll(csv, map);
  expect(valuesOf(report!.runId, "loss")).toEqual([[1, 5.5], [2, NaN]]);
  expect(valuesOf(report!.runId, "learningRate")).toEqual([[1, 1e-3]]);
  const jsonl = join(folder, "log.jsonl");
  writeFileSync(jsonl, '{"iter":4,"valid":{"ce":2},"x":1}\nnonsense\n{"no":1}\n');
  const [second] = await importAll(jsonl, { metrics: { "evaluation.loss": "valid/ce" }, columns: {} });
  expect(valuesOf(second!.runId, "evaluation.loss")).toEqual([[4, 2]]);
  expect(second!.problems).toHaveLength(2);
});

test("a folder of evaluations records evaluations, and thousands of tags stop at what is stored", async () => {
  mkdirSync(join(folder, "validation"));
  cpSync(join(fixtures, "tensors"), join(folder, "validation"), { recursive: true });
  const [report] = await importAll(folder);
  expect(valuesOf(report!.runId, "evaluation.loss")).toHaveLength(5);
  expect(valuesOf(report!.runId, "evaluation.accuracy")).toHaveLength(5);
  const jsonl = join(folder, "many.jsonl");
  writeFileSync(jsonl, `${JSON.stringify({ step: 1, ...Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`t${i}`, i])) })}\n`);
  const [many] = await importAll(jsonl);
  expect(many!.names.filter(([, name]) => name !== null)).toHaveLength(2000);
});

test("what is no log is refused in one sentence", async () => {
  expect(() => findLogs(join(folder, "nowhere"), null)).toThrow(/There is no file or folder/);
  expect(() => findLogs(folder, null)).toThrow(/holds no TensorBoard event files/);
  writeFileSync(join(folder, "x"), Buffer.from([0xff, 0xd8, 0x2c, 0x0a]));
  expect(() => findLogs(join(folder, "x"), null)).toThrow(/no log that can be imported/);
  expect(existsSync(home.runs) && runDirectories(home.runs)).toEqual([]);
});

test("a log without any scalar leaves nothing, and the run of one that had some stays", async () => {
  const csv = join(folder, "log.csv");
  writeFileSync(csv, "step,loss\nx,y\n");
  expect((await importAll(csv))[0]).toMatchObject({ kept: false, rows: 0 });
  expect(readdirSync(home.runs)).toEqual([]);
  appendFileSync(csv, "1,5\n");
  const [report] = await importAll(csv);
  expect(report).toMatchObject({ kept: true, rows: 1 });
  writeFileSync(csv, "step,loss\n");
  expect((await importAll(csv))[0]).toMatchObject({ kept: true, runId: report!.runId });
  expect(readdirSync(home.runs)).toEqual([report!.runId]);
});

test("a later file that goes back supersedes, one that repeats a step or comes late does not", async () => {
  const writer = (name: string, rows: [number, number][]) => writeFileSync(join(folder, name), Buffer.concat(rows.map(([step, value]) => scalarRecord("loss", step, value))));
  writer("events.out.tfevents.100.a", [[1, 1], [2, 2], [3, 3], [3, 30], [2, 20]]);
  writer("events.out.tfevents.200.a", [[3, 300], [4, 400], [4, 401], [5, 500]]);
  const [report] = await importAll(folder);
  expect(eventsOf(report!.runId).flatMap((event) => (event.kind === "attempt" ? [event.fromStep] : []))).toEqual([0, 2]);
  expect(await stored(report!.runId, "loss")).toEqual([[1, 1], [2, 2], [3, 300], [4, 400], [5, 500]]);
});
