// Causal language modelling: the labels are the text itself, in windows that cover it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunSpec } from "../../contract/runSpec.ts";
import { Batches, countTokens } from "./batches.ts";
import { openCorpus, type Corpus } from "./corpus.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-causal-"));
const LENGTH = 64, BATCH = 4;
let corpus: Corpus;
const { data } = RunSpec.parse({
  model: { architecture: "decoder-only" },
  data: { objective: "causal", targetLength: LENGTH, source: { kind: "files", paths: [folder] }, evaluationFraction: 0.2 },
});
beforeAll(async () => {
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, `${i}.txt`), Array.from({ length: 60 }, (_, line) => `document ${i} line ${line} ${line * (i + 7)}\n`).join(""));
  corpus = await openCorpus(data, openTokenizer(data.tokenizer), join(folder, ".cache"), () => {});
});
afterAll(() => { corpus.close(); rmSync(folder, { recursive: true }); });

const rowsOf = (labels: Int32Array): number[][] => Array.from({ length: BATCH }, (_, row) => [...labels.subarray(row * LENGTH, (row + 1) * LENGTH)]);
const make = (seed = 1) => new Batches(corpus, data, seed, BATCH, 8);

test("a batch has labels alone: full windows of the training text, and nothing is padding", () => {
  const batches = make(), text = corpus.training.read(0, corpus.training.length).join(",");
  for (const position of [0, 4, 1000]) {
    const batch = batches.training(position);
    expect(batch).not.toHaveProperty("input");
    expect(batch).toMatchObject({ labelLength: LENGTH, batchSize: BATCH });
    expect(countTokens(batch, corpus.tokenizer.pad)).toBe(BATCH * LENGTH);
    for (const row of rowsOf(batch.labels)) expect(text).toContain(row.join(","));
  }
  expect(batches.rawLength).toBe(LENGTH);
});

test("an epoch shows every window once, the next ones in another order; the text between windows is its slack", () => {
  const batches = make(), perEpoch = batches.examplesPerEpoch;
  const epoch = (number: number): string[] => {
    const rows: string[] = [];
    for (let at = number * perEpoch; at < (number + 1) * perEpoch; at++) rows.push(rowsOf(batches.training(at).labels)[0]!.join(","));
    return rows;
  };
  const first = epoch(0), second = epoch(1);
  expect(new Set(first).size).toBe(perEpoch);
  expect(perEpoch * LENGTH).toBeGreaterThan(corpus.training.length - LENGTH);
  expect(second).not.toEqual(first);
});

test("seed and position say which batch it is; held-out text is the same for every seed and never trained on", () => {
  expect(make().training(37)).toEqual(make().training(37));
  expect(make(2).training(37).labels).not.toEqual(make().training(37).labels);
  expect(make(2).evaluation(1)).toEqual(make().evaluation(1));
  const heldOut = corpus.evaluation.read(0, corpus.evaluation.length).join(","), text = corpus.training.read(0, corpus.training.length).join(",");
  for (const row of rowsOf(make().evaluation(0).labels)) {
    expect(heldOut).toContain(row.join(","));
    expect(text).not.toContain(row.join(","));
  }
});

test("documents are whole in the streams, each with its end token", () => {
  const { end } = corpus.tokenizer, both = [corpus.training, corpus.evaluation].map((stream) => [...stream.read(0, stream.length)]);
  expect(both.map((ids) => ids.filter((id) => id === end).length)).toEqual([40 - corpus.index.heldOutDocuments, corpus.index.heldOutDocuments]);
  expect(corpus.index.heldOutDocuments).toBeGreaterThan(0);
  const documents = both.flatMap((ids) => String.fromCharCode(...ids.map((id) => (id === end ? 0 : id - 3))).split("\0").slice(0, -1));
  expect(documents.map((text) => /^document (\d+) /.exec(text)![1]).sort()).toEqual(Array.from({ length: 40 }, (_, i) => String(i)).sort());
});
