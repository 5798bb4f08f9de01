// Sentinels by name, characters of several bytes, and hidden spans put back.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openTokenizer } from "../data/tokenizer.ts";
import { encodeText, fillIn, textOf, tokenTexts } from "./text.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-text-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = openTokenizer({ kind: "bytes" });
const idsOf = (text: string): number[] => [...Buffer.from(text)].map((byte) => byte + 3);

describe("bytes", () => {
  test("a sentinel's name becomes its token, the first sentinel the last id; other text is text", () => {
    expect(encodeText(bytes, "a <extra_id_0> <extra_id_1>b <pad>")).toEqual([...idsOf("a "), 383, ...idsOf(" "), 382, ...idsOf("b <pad>")]);
    expect(encodeText(bytes, "")).toEqual([]);
    expect(() => encodeText(bytes, "<extra_id_125>")).toThrow("has no <extra_id_125>: its last sentinel is <extra_id_124>");
  });

  test("each character stands at its last token, named tokens by their name", () => {
    const tokens = tokenTexts(bytes, [...idsOf("aé€🙂"), 383, 1, 0]);
    expect(tokens.map(({ text, name }) => name ?? text)).toEqual(["a", "", "é", "", "", "€", "", "", "", "🙂", "<extra_id_0>", "</s>", "<pad>"]);
    expect(textOf(bytes, tokens)).toBe("aé€🙂<extra_id_0>");
  });

  test("bytes that are no character become the replacement character, once each at the latest after four", () => {
    expect(textOf(bytes, tokenTexts(bytes, [0xe2 + 3, 0x82 + 3, 383, ...idsOf("ok")]))).toBe("\ufffd<extra_id_0>ok");
    expect(textOf(bytes, tokenTexts(bytes, [0x80 + 3, ...idsOf("abcd")]))).toBe("\ufffdabcd");
  });

  test("what was generated for a sentinel takes its place", () => {
    const input = tokenTexts(bytes, [...encodeText(bytes, "The <extra_id_0> sat on <extra_id_1>, <extra_id_2>."), 1]);
    const filled = (output: string) => fillIn(bytes, input, tokenTexts(bytes, [...encodeText(bytes, output), 1]));
    expect(filled("<extra_id_0>cat<extra_id_1>the mat<extra_id_2>")).toEqual([
      { text: "The ", generated: false }, { text: "cat", generated: true }, { text: " sat on ", generated: false }, { text: "the mat", generated: true },
      { text: ", .", generated: false }, // nothing for the last one
    ]);
    // A sentinel that was not answered stays; text before the first one and second answers belong nowhere.
    expect(filled("noise<extra_id_1>mat<extra_id_1>rug")!.map(({ text }) => text).join("")).toBe("The <extra_id_0> sat on mat, <extra_id_2>.");
    expect(fillIn(bytes, tokenTexts(bytes, idsOf("no span")), [])).toBeNull();
  });
});

test("a Hugging Face tokenizer keeps the spaces between its words and names its own special tokens", () => {
  const pieces = ["<pad>", "</s>", "<unk>", "<extra_id_0>", "▁low", "er", "▁s", "low", "▁", "l", "o", "w", "e", "r", "s", "lo"];
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const path = join(folder, "tokenizer.json");
  writeFileSync(path, JSON.stringify({
    version: "1.0", truncation: null, padding: null, normalizer: null, post_processor: null,
    added_tokens: pieces.slice(0, 4).map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab, merges: [["l", "o"], ["lo", "w"], ["▁", "low"], ["e", "r"], ["▁", "s"]].filter(([a, b]) => vocab[`${a}${b}`] !== undefined) },
  }));
  const tokenizer = openTokenizer({ kind: "huggingface", path });
  const tokens = tokenTexts(tokenizer, [4, 5, 6, 7, 3, 4, 1]);
  expect(textOf(tokenizer, tokens)).toBe("lower slow<extra_id_0> low");
  expect(tokens.map(({ name }) => name).filter((name) => name !== null)).toEqual(["<extra_id_0>", "</s>"]);
  // An id above the file's own: no text, and no failure.
  expect(textOf(tokenizer, tokenTexts(tokenizer, [4, 9999]))).toBe("low");
  expect(encodeText(tokenizer, "low<extra_id_0>")).toEqual([4, 3]);
});
