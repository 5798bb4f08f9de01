// Text to token ids: bytes in ByT5's layout, or a Hugging Face tokenizer.json.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { BYTE_VOCABULARY, type Tokenizer } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";

export interface TextTokenizer {
  /** Changes whenever the same text could give other ids. */
  identity: string;
  vocabularySize: number;
  pad: number;
  end: number;
  /** Ids of the sentinels in order of use: sentinel 0 first. */
  sentinels: number[];
  encode(document: Buffer): ArrayLike<number>;
}

/** The identity of a tokenizer, without opening it. */
export const tokenizerIdentity = (spec: Tokenizer): string => (spec.kind === "bytes" ? BYTES : identityOf(readTokenizer(spec.path)));

export function openTokenizer(spec: Tokenizer): TextTokenizer {
  return spec.kind === "bytes" ? bytes() : huggingFace(spec.path);
}

const BYTES = "bytes-1";
function bytes(): TextTokenizer {
  const { size, pad, end, firstByte, sentinels } = BYTE_VOCABULARY;
  return {
    identity: BYTES, vocabularySize: size, pad, end,
    sentinels: Array.from({ length: sentinels }, (_, i) => size - 1 - i),
    encode(document) {
      const ids = new Uint16Array(document.length);
      for (let i = 0; i < ids.length; i++) ids[i] = document[i]! + firstByte;
      return ids;
    },
  };
}

const SENTINELS_ADDED = 100;
const PADS = ["<pad>", "[PAD]", "<|pad|>", "<|padding|>"];
const ENDS = ["</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>", "[SEP]"];

const identityOf = (text: string): string => `huggingface-2-${createHash("sha256").update(text).digest("hex")}`;

function readTokenizer(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new RunFailure("data-error", `The tokenizer ${path} can't be read (${(error as NodeJS.ErrnoException).code}); choose a tokenizer.json.`, error);
  }
}

/** Uses the file's own pad, end and <extra_id_n> tokens; what is missing gets ids above its vocabulary. */
function huggingFace(path: string): TextTokenizer {
  const text = readTokenizer(path);
  let tokenizer: HuggingFaceTokenizer, vocabulary: Map<string, number>, added: string[];
  try {
    const file = JSON.parse(text) as { added_tokens?: { content: string }[] };
    added = (file.added_tokens ?? []).map(({ content }) => content);
    tokenizer = new HuggingFaceTokenizer(file, {});
    vocabulary = tokenizer.get_vocab(true);
    if (vocabulary.size === 0) throw new Error("its vocabulary is empty");
  } catch (error) {
    throw new RunFailure("data-error", `${path} is not a tokenizer that can be used (${(error as Error).message}); choose a Hugging Face tokenizer.json.`, error);
  }
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const special = (names: string[]): number => {
    for (const name of names) { const id = vocabulary.get(name); if (id !== undefined) return id; }
    return size++;
  };
  const pad = special(PADS), end = special(ENDS);
  const sentinels: number[] = [];
  for (let id; (id = vocabulary.get(`<extra_id_${sentinels.length}>`)) !== undefined;) sentinels.push(id);
  if (sentinels.length === 0) {
    for (let i = 0; i < SENTINELS_ADDED; i++) sentinels.push(size + SENTINELS_ADDED - 1 - i);
    size += SENTINELS_ADDED;
  }
  return {
    identity: identityOf(text), vocabularySize: size, pad, end, sentinels,
    encode: (document) => piecesWithout(added, document.toString("utf8")).flatMap((piece) => tokenizer.encode(piece, { add_special_tokens: false }).ids),
  };
}

/**
 * The text in pieces that hold none of these names whole: each occurrence is cut after its first letter. In a corpus "<pad>" or
 * "<extra_id_0>" is text about them, and as the token itself it would be left out of the loss or taken for a hidden span.
 */
function piecesWithout(names: readonly string[], text: string): string[] {
  const cuttable = names.filter((name) => name.length > 1);
  if (cuttable.length === 0) return [text];
  const anyName = new RegExp(cuttable.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "gu");
  const pieces: string[] = [];
  let from = 0;
  for (const { index, 0: name } of text.matchAll(anyName)) {
    const to = index + [...name][0]!.length;
    pieces.push(text.slice(from, to));
    from = to;
  }
  return [...pieces, text.slice(from)];
}
