import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { RunSpec } from "../../contract/runSpec.ts";
import { Batches } from "./batches.ts";
import { openCorpus } from "./corpus.ts";
import { inspectData } from "./inspect.ts";
import { CounterRandom, permute } from "./random.ts";
import { fitSegment, segmentation } from "./spanCorruption.ts";
import { repairUtf8 } from "./utf8.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-data-"));
afterAll(() => rmSync(folder, { recursive: true }));
const corpusOf = async (path: string) => {
  const spec = RunSpec.parse({ data: { source: { kind: "files", paths: [path] } } });
  return { spec, corpus: await openCorpus(spec.data, openTokenizer(spec.data.tokenizer), join(folder, "cache"), () => {}) };
};

test("a permutation reaches every index once", () => {
  for (const size of [1, 2, 7, 1000]) expect(new Set(Array.from({ length: size }, (_, i) => permute(i, size, 5))).size).toBe(size);
});
test("a segmentation has the parts and the sum asked for", () => {
  for (let key = 0; key < 100; key++) {
    const parts = segmentation(21, 7, new CounterRandom(key));
    expect(parts).toHaveLength(7);
    expect(Math.min(...parts)).toBeGreaterThan(0);
    expect(parts.reduce((a, b) => a + b)).toBe(21);
  }
});
test("T5's own lengths: 512 input tokens take 568 raw and 114 target tokens", () =>
  expect(fitSegment(512, 512, 0.15, 3, 125)).toMatchObject({ rawLength: 568, input: 512, target: 114 }));
test("invalid bytes are counted and replaced", () =>
  expect(repairUtf8(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xe2, 0x82]))).toEqual({ bytes: Buffer.from("a\ufffdé\ufffd"), invalid: 3 }));

test("input and target together give back the text, and a position always gives the same batch", async () => {
  const path = join(folder, "text.txt");
  writeFileSync(path, Array.from({ length: 9000 }, (_, i) => `line ${i}\n\n`).join(""));
  const { spec, corpus } = await corpusOf(path);
  const make = () => new Batches(corpus, spec.data, 1, 4, 2);
  const batches = make(), batch = batches.training(400), text = corpus.training.read(0, corpus.training.length).join(",");
  expect(make().training(400)).toEqual(batch);
  expect(batches.training(404).labels).not.toEqual(batch.labels);
  for (let row = 0; row < 4; row++) {
    const input = [...batch.input!.subarray(row * 128, row * 128 + 128)], target = [...batch.labels.subarray(row * 48, row * 48 + 48)];
    const raw: number[] = [];
    for (const id of input.slice(0, input.indexOf(0) < 0 ? undefined : input.indexOf(0)).slice(0, -1)) {
      if (id < 259) { raw.push(id); continue; }
      for (let at = target.indexOf(id) + 1; target[at]! < 259 && !(target[at] === 1 && (target[at + 1] ?? 0) === 0); at++) raw.push(target[at]!);
    }
    expect(input.find((id) => id >= 259)).toBe(383);
    expect(raw).toHaveLength(batches.rawLength);
    expect(text).toContain(raw.join(","));
  }
  corpus.close();
  expect((await corpusOf(path)).corpus.cached).toBe(true);
});
test("a single document and an empty folder are refused with a sentence", async () => {
  writeFileSync(join(folder, "one.txt"), "only one");
  await expect(corpusOf(join(folder, "one.txt"))).rejects.toThrow(/single document/);
  await expect(corpusOf(join(folder, "none"))).rejects.toThrow(/does not exist/);
});
test("inspection counts what training would read", async () =>
  expect(await inspectData({ kind: "sample", names: ["moby-dick"] }, { kind: "bytes" })).toMatchObject({ files: 140, vocabularySize: 384, invalidBytes: 0 }));
