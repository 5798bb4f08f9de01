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
  /** Ids of text, without those that have a name. What is no valid text gives U+FFFD. */
  decode(ids: readonly number[]): string;
  /** Name of a token that stands for no text, such as "</s>" or "<extra_id_0>"; null for all others. */
  nameOf(id: number): string | null;
}

/** The identity of a tokenizer, without opening it. */
export const tokenizerIdentity = (spec: Tokenizer): string => (spec.kind === "bytes" ? BYTES : identityOf(readTokenizer(spec.path)));

const sentinelName = (index: number): string => `<extra_id_${index}>`;

export function openTokenizer(spec: Tokenizer): TextTokenizer {
  return spec.kind === "bytes" ? bytes() : huggingFace(spec.path);
}

const BYTES = "bytes-1";
function bytes(): TextTokenizer {
  const { size, pad, end, unknown, firstByte, sentinels } = BYTE_VOCABULARY;
  const names = new Map<number, string>([[pad, "<pad>"], [end, "</s>"], [unknown, "<unk>"]]);
  return {
    identity: BYTES, vocabularySize: size, pad, end,
    sentinels: Array.from({ length: sentinels }, (_, i) => size - 1 - i),
    decode: (ids) => Buffer.from(ids.map((id) => id - firstByte)).toString("utf8"),
    nameOf: (id) => names.get(id) ?? (id >= size - sentinels ? sentinelName(size - 1 - id) : null),
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
  const names = new Map([...tokenizer.get_added_tokens_decoder()].filter(([, { special }]) => special).map(([id, { content }]) => [id, content]));
  for (const [id, name] of [[pad, "<pad>"], [end, "</s>"], ...sentinels.map((id, index) => [id, sentinelName(index)] as const)] as [number, string][])
    if (!names.has(id)) names.set(id, name);
  return {
    identity: identityOf(text), vocabularySize: size, pad, end, sentinels,
    // Ids that the file leaves unused mean nothing.
    decode: (ids) => { const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined); return known.length === 0 ? "" : tokenizer.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false }); },
    nameOf: (id) => names.get(id) ?? null,
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
