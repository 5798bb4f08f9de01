// Text to text: which lines are pairs, what a batch holds, what is held out, and that a position always gives the same.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DataSpec, type DataSource, type ModelSpec } from "../../contract/runSpec.ts";
import { countTokens } from "./batches.ts";
import { inspectData } from "./inspect.ts";
import { PairBatches } from "./pairBatches.ts";
import { LONGEST_LINE, linesOf, openPairs, type PairCorpus } from "./pairs.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-pairs-")), opened: PairCorpus[] = [];
afterAll(() => {
  for (const pairs of opened) pairs.close();
  rmSync(folder, { recursive: true });
});
const write = (name: string, lines: (string | object)[]): string => {
  writeFileSync(join(folder, name), lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return join(folder, name);
};
const open = async (paths: string[], heldOut: string[] | null = null, evaluationFraction = 0.2): Promise<PairCorpus> => {
  const data = DataSpec.parse({ source: { kind: "jsonl", paths, heldOut }, objective: "text-to-text", evaluationFraction });
  const pairs = await openPairs(data, data.source as Extract<DataSource, { kind: "jsonl" }>, openTokenizer(data.tokenizer), join(folder, "cache"), () => {});
  opened.push(pairs);
  return pairs;
};
/** Ids in ByT5's layout as letters, padding as "_", the end token as ".". */
const text = (tokens: ArrayLike<number>): string => Array.from(tokens, (id) => (id === 0 ? "_" : id === 1 ? "." : String.fromCharCode(id - 3))).join("");
const rows = (array: Int32Array, length: number): string[] => Array.from({ length: array.length / length }, (_, row) => text(array.subarray(row * length, (row + 1) * length)));
const make = (pairs: PairCorpus, architecture: ModelSpec["architecture"] = "encoder-decoder", lengths = { inputLength: 8, targetLength: 6 }, batchSize = 4, seed = 1) =>
  new PairBatches(pairs, lengths, architecture, seed, batchSize, 100);

test("each kind of bad line is counted and the first is named; blank lines are nothing", async () => {
  const path = write("bad.jsonl", [
    { input: "a", target: "b" }, "", "  \r", "{not json", '["input"]', { input: "x" }, { input: 3, target: "y" }, "null", "\ufeff" + JSON.stringify({ input: "bom", target: "t" }),
    { input: "long".repeat(LONGEST_LINE), target: "" }, { input: "", target: "", more: 1 },
  ]);
  const found = [];
  for await (const { number, pair, wrong } of linesOf({ path, bytes: 0 })) found.push([number, pair?.input ?? wrong]);
  const form = 'has no text under "input" and "target"';
  expect(found).toEqual([[1, "a"], [4, "is not JSON"], [5, form], [6, form], [7, form], [8, form], [9, "bom"], [10, "is longer than 1 MiB"], [11, ""]]);
  const { index } = await open([path]);
  expect(index).toMatchObject({ lines: 9, badLines: 6, firstBad: `line 4 of ${path}, which is not JSON` });
  expect(index.training + index.evaluation).toBe(3);
  expect(await inspectData({ kind: "jsonl", paths: [path], heldOut: null }, { kind: "bytes" })).toMatchObject({ documents: 3, files: 1, skipped: expect.arrayContaining([{ path: `${path}:4`, reason: "is not JSON" }]) });
});

test("invalid UTF-8 is counted and replaced", async () => {
  const path = join(folder, "utf8.jsonl");
  writeFileSync(path, Buffer.concat([Buffer.from('{"input":"a'), Buffer.from([0xff, 0xfe]), Buffer.from('","target":"b"}\n{"input":"c","target":"d"}\n')]));
  expect((await open([path])).index).toMatchObject({ invalidBytes: 2, badLines: 0 });
});

test("lines longer than a read are read whole, however they fall", async () => {
  const lines = Array.from({ length: 9 }, (_, i) => ({ input: String(i).repeat(300_000 + i), target: String(i) }));
  const found: (number | undefined)[] = [];
  for await (const { pair } of linesOf({ path: write("wide.jsonl", lines), bytes: 0 })) found.push(pair?.input.length);
  expect(found).toEqual(lines.map(({ input }) => input.length));
});

test("no good line, a single pair, and files without .jsonl are refused in a sentence", async () => {
  await expect(open([write("none.jsonl", ["x", "{}"])])).rejects.toThrow('No line of the chosen files is an object with text under "input" and "target"');
  await expect(open([write("single.jsonl", [{ input: "a", target: "b" }])])).rejects.toThrow("a single pair");
  const good = write("good.jsonl", [{ input: "a", target: "b" }, { input: "c", target: "d" }]);
  await expect(open([good], [write("none.jsonl", ["x"])])).rejects.toThrow(/to be held out hold no line with input and target: line 1 of .*none\.jsonl, which is not JSON/);
  await expect(open([join(folder, "missing.jsonl")])).rejects.toThrow("does not exist");
});

test("the encoder reads the input and the decoder predicts the target, each with its end token even where it is cut", async () => {
  const pairs = await open([write("shapes.jsonl", [{ input: "ab", target: "c" }])], [write("held.jsonl", [{ input: "1234567", target: "12345" }, { input: "12345678", target: "123456" }, { input: "", target: "" }])]);
  const batches = make(pairs), batch = batches.evaluation(0);
  expect(rows(batch.input!, 8)).toEqual(["1234567.", "1234567.", "._______"]);
  expect(rows(batch.labels, 6)).toEqual(["12345.", "12345.", "._____"]);
  expect(batch).toMatchObject({ batchSize: 3, inputLength: 8, labelLength: 6 });
  expect(batch).not.toHaveProperty("decoderInput");
  expect(batches.truncated()).toEqual({ training: 0, evaluation: 1 });
  expect(countTokens(batch, 0)).toBe(8 + 8 + 1 + 6 + 6 + 1);
});

test("a decoder reads the input and the target, and predicts the target alone", async () => {
  const pairs = await open([write("shapes.jsonl", [{ input: "ab", target: "c" }])], [write("decoder.jsonl", [{ input: "ab", target: "xy" }, { input: "abcdefg", target: "xyz" }, { input: "ab", target: "stuvwxyz" }, { input: "", target: "x" }])]);
  const batches = make(pairs, "decoder-only", { inputLength: 8, targetLength: 6 }), batch = batches.evaluation(0);
  expect(batch).not.toHaveProperty("input");
  expect(rows(batch.labels, 6)).toEqual(["__xy._", "__xyz.", "stuvw.", "x.____"]);
  expect(rows(batch.decoderInput!, 6)).toEqual(["_abxy_", "_abxyz", "_stuvw", "_x____"]);
  expect(batches.truncated()).toEqual({ training: 0, evaluation: 2 });
  // All that is read or predicted, the start token where the target begins at once.
  expect(countTokens(batch, 0)).toBe(4 + 5 + 6 + 2);
});

test("an epoch shows each pair once in another order each time, as a function of seed and position alone", async () => {
  const lines = Array.from({ length: 60 }, (_, i) => ({ input: `q${i}`, target: `a${i}` }));
  const pairs = await open([write("epochs.jsonl", lines)]), n = pairs.index.training;
  expect(n + pairs.index.evaluation).toBe(60);
  expect(pairs.index.evaluation).toBeGreaterThan(3);
  const epoch = (number: number, seed = 1): string[] => {
    const batches = make(pairs, "encoder-decoder", undefined, 1, seed);
    return Array.from({ length: n }, (_, i) => rows(batches.training(number * n + i).labels, 6)[0]!);
  };
  const [first, second] = [epoch(0), epoch(1)];
  expect(new Set(first).size).toBe(n);
  expect([...first].sort()).toEqual([...second].sort());
  expect(first).not.toEqual(second);
  expect(epoch(0, 2)).not.toEqual(first);
  expect(epoch(0)).toEqual(first);
  const held = make(pairs), seen = Array.from({ length: held.evaluationBatches }, (_, i) => rows(held.evaluation(i).labels, 6)).flat();
  // Held-out pairs are never trained on, and are the same for every seed.
  expect(seen).toHaveLength(pairs.index.evaluation);
  expect(seen.filter((target) => first.includes(target))).toEqual([]);
  expect(make(pairs, "encoder-decoder", undefined, 4, 9).evaluation(0)).toEqual(held.evaluation(0));
});

test("pairs are prepared once; another held-out choice is another preparation", async () => {
  const lines = Array.from({ length: 20 }, (_, i) => ({ input: `${i}`, target: `${i * i}` })), path = write("cached.jsonl", lines);
  expect((await open([path])).cached).toBe(false);
  expect((await open([path])).cached).toBe(true);
  const named = await open([path], [write("cached-held.jsonl", lines.slice(0, 3))]);
  expect(named).toMatchObject({ cached: false, index: { training: 20, evaluation: 3 } });
  writeFileSync(path, `${JSON.stringify({ input: "new", target: "line" })}\n`.repeat(2) + JSON.stringify(lines[0]));
  expect((await open([path])).cached).toBe(false);
});
