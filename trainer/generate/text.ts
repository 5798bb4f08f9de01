// Between what a person writes and reads and a model's tokens: sentinels by name, text token by token, and hidden spans filled in.
import type { TextTokenizer } from "../data/tokenizer.ts";
import { RunFailure } from "../failure.ts";

const SENTINEL = /<extra_id_(\d{1,4})>/g;

/** Tokens of a text in which "<extra_id_0>" stands for the first sentinel. */
export function encodeText(tokenizer: TextTokenizer, text: string): number[] {
  const ids: number[] = [];
  const add = (part: string): void => { if (part !== "") for (const id of Array.from(tokenizer.encode(Buffer.from(part, "utf8")))) ids.push(id); };
  let from = 0;
  for (const { index, 0: name, 1: number } of text.matchAll(SENTINEL)) {
    const sentinel = tokenizer.sentinels[Number(number)];
    if (sentinel === undefined) throw new RunFailure("data-error", `The tokenizer has no ${name}: its last sentinel is <extra_id_${tokenizer.sentinels.length - 1}>.`);
    add(text.slice(from, index));
    ids.push(sentinel);
    from = index + name.length;
  }
  add(text.slice(from));
  return ids;
}

export interface TokenText { id: number; text: string; name: string | null }

/** Tokens that stand before one and may change how it reads: a tokenizer drops the space before the first word, for one. */
const CONTEXT = 4;
/** A character takes at most so many byte tokens. */
const LONGEST_CHARACTER = 4;

/** What each token adds to the text. A character of several tokens stands at its last one. */
export function tokenTexts(tokenizer: TextTokenizer, ids: readonly number[]): TokenText[] {
  let before: number[] = [], pending: number[] = [];
  return ids.map((id, index) => {
    const name = tokenizer.nameOf(id);
    if (name !== null) {
      pending = [];
      return { id, text: "", name };
    }
    pending.push(id);
    const known = tokenizer.decode(before), all = tokenizer.decode([...before, ...pending]);
    const text = all.startsWith(known) ? all.slice(known.length) : tokenizer.decode(pending);
    const next = ids[index + 1], last = next === undefined || tokenizer.nameOf(next) !== null;
    if (text.endsWith("\ufffd") && pending.length < LONGEST_CHARACTER && !last) return { id, text: "", name: null };
    before = [...before, ...pending].slice(-CONTEXT);
    pending = [];
    return { id, text, name: null };
  });
}

/** The text of tokens, sentinels by name, other named tokens left out. */
export function textOf(tokenizer: TextTokenizer, tokens: readonly TokenText[]): string {
  const sentinels = new Set(tokenizer.sentinels);
  return tokens.map(({ id, text, name }) => (sentinels.has(id) ? name : text)).join("");
}

export interface Filled { text: string; generated: boolean }

/** The input with what the output holds for each sentinel in its place; null where the input has no sentinel. */
export function fillIn(tokenizer: TextTokenizer, input: readonly TokenText[], output: readonly TokenText[]): Filled[] | null {
  const sentinels = new Set(tokenizer.sentinels);
  const spans = new Map<number, string>();
  let at: number | null = null;
  for (const { id, text } of output) {
    if (sentinels.has(id)) {
      // A sentinel that comes again adds nothing: the first answer counts.
      at = spans.has(id) ? null : id;
      if (at !== null) spans.set(at, "");
    } else if (at !== null) spans.set(at, spans.get(at)! + text);
  }
  if (!input.some(({ id }) => sentinels.has(id))) return null;
  const parts: Filled[] = [];
  for (const { id, text, name } of input) {
    const generated = spans.has(id);
    const part = generated ? spans.get(id)! : sentinels.has(id) ? name! : text;
    const last = parts.at(-1);
    if (last && last.generated === generated) last.text += part;
    else if (part !== "") parts.push({ text: part, generated });
  }
  return parts;
}
