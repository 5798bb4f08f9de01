// A Hugging Face tokenizer.json, small enough to check by hand: byte-pair encoding with three merges.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { RunSpec } from "../../contract/runSpec.ts";
import { Batches } from "./batches.ts";
import { openCorpus } from "./corpus.ts";
import { inspectData } from "./inspect.ts";
import { openTokenizer } from "./tokenizer.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-tokenizer-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Letters, a space mark, and the merges l+o, lo+w, e+r. Ids: the order of the vocabulary. */
function write(name: string, added: string[] = []): string {
  const pieces = [..."▁abcdefghijklmnopqrstuvwxyz", "lo", "low", "er"];
  const vocab = Object.fromEntries([...added, "<unk>", ...pieces].map((piece, id) => [piece, id]));
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({
    version: "1.0", truncation: null, padding: null,
    added_tokens: [...added, "<unk>"].map((content) => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: { type: "Lowercase" }, pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }, post_processor: null,
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab, merges: [["l", "o"], ["lo", "w"], ["e", "r"]] },
  }));
  return path;
}
const open = (path: string) => openTokenizer({ kind: "huggingface", path });
const words = (path: string, text: string): number[] => [...(open(path).encode(Buffer.from(text)) as number[])];

test("text becomes the file's own ids", () => {
  const path = write("t5.json", ["<pad>", "</s>", "<extra_id_0>", "<extra_id_1>"]);
  const id = (piece: string) => 5 + ["▁", ..."abcdefghijklmnopqrstuvwxyz", "lo", "low", "er"].indexOf(piece);
  expect(words(path, "Lower slow")).toEqual(["▁", "low", "er", "▁", "s", "low"].map(id));
  expect(open(path)).toMatchObject({ pad: 0, end: 1, sentinels: [2, 3], vocabularySize: 5 + 30 });
  expect(words(path, "7")).toEqual([id("▁"), 4]);
});

test("text about special tokens is text, not those tokens", () => {
  const ids = words(write("special.json", ["<pad>", "</s>", "<extra_id_0>"]), "low <pad> low <extra_id_0></s>");
  for (const special of [0, 1, 2]) expect(ids).not.toContain(special);
});

test("pad, end and sentinels that the file lacks get ids above its vocabulary, each its own", () => {
  const { pad, end, sentinels, vocabularySize } = open(write("plain.json"));
  expect([pad, end]).toEqual([31, 32]);
  expect(new Set([pad, end, ...sentinels]).size).toBe(2 + sentinels.length);
  expect([Math.min(...sentinels), Math.max(...sentinels) + 1]).toEqual([33, vocabularySize]);
});

test("the same text with another tokenizer is another corpus; both train with ids inside the vocabulary", async () => {
  const text = join(folder, "text");
  writeFileSync(`${text}.txt`, Array.from({ length: 4000 }, (_, i) => `lower and slower ${"abcdefghij"[i % 10]}\n\n`).join(""));
  const corpora = [];
  for (const path of [write("one.json", ["<pad>", "</s>"]), write("two.json")]) {
    const { data } = RunSpec.parse({ data: { source: { kind: "files", paths: [`${text}.txt`] }, tokenizer: { kind: "huggingface", path } } });
    const corpus = await openCorpus(data, openTokenizer(data.tokenizer), join(folder, "cache"), () => {});
    corpora.push(corpus);
    expect(corpus.cached).toBe(false);
    const { vocabularySize, sentinels, pad } = corpus.tokenizer, batch = new Batches(corpus, data, 1, 8, 2).training(0);
    const ids = [...batch.input!, ...batch.labels];
    expect(Math.max(...ids)).toBeLessThan(vocabularySize);
    expect(ids.filter((id) => id === sentinels[0])).toHaveLength(2 * 8);
    expect(batch.input!.slice(0, 20)).not.toContain(pad);
  }
  const again = RunSpec.parse({ data: { source: { kind: "files", paths: [`${text}.txt`] }, tokenizer: { kind: "huggingface", path: join(folder, "one.json") } } }).data;
  expect((await openCorpus(again, openTokenizer(again.tokenizer), join(folder, "cache"), () => {})).cached).toBe(true);
  expect(await inspectData({ kind: "files", paths: [`${text}.txt`] }, { kind: "huggingface", path: join(folder, "two.json") })).toMatchObject({ vocabularySize: corpora[1]!.tokenizer.vocabularySize });
  for (const corpus of corpora) corpus.close();
});

test.each([["nothing.json", null, /can't be read \(ENOENT\); choose a tokenizer.json/], ["text.json", "not JSON", /is not a tokenizer that can be used/], ["empty.json", "{}", /is not a tokenizer that can be used/]])(
  "%s is refused with a sentence", (name, text, sentence) => {
    if (text !== null) writeFileSync(join(folder, name), text);
    expect(() => open(join(folder, name))).toThrow(sentence);
  });
