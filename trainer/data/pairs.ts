// Pairs of input and target text from JSONL, {"input": "...", "target": "..."} a line, as tokens on disk, cached by content.
// A pair is read by its number, so that millions of lines take no memory.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { DataSource, DataSpec } from "../../contract/runSpec.ts";
import { RunFailure, StopAsked, asFailure } from "../failure.ts";
import { bytesIn, chooseHeldOut, contentKey, heldOutAt, openPrepared, type Progress } from "./prepared.ts";
import { listJsonl, type TextFile } from "./sources.ts";
import { NumberWriter, TokenStream, tokenWriter, widthOf } from "./tokenFile.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import { PairList } from "./pairList.ts";
import { repairUtf8 } from "./utf8.ts";

type PairSource = Extract<DataSource, { kind: "jsonl" }>;
const VERSION = 1;
/** Longest line that is read, in bytes. */
export const LONGEST_LINE = 1 << 20;
const Index = z.object({
  v: z.literal(VERSION), lines: z.int(), badLines: z.int(), firstBad: z.string().nullable(), invalidBytes: z.number(),
  bytesPerToken: z.union([z.literal(2), z.literal(4)]), tokens: z.int(), training: z.int(), evaluation: z.int(),
});
export type PairIndex = z.output<typeof Index>;

/** A line of a file: the pair it holds, or what is wrong with it. */
export interface PairLine { number: number; bytes: Buffer; pair: { input: string; target: string } | null; wrong: string | null; invalid: number }

export interface PairCorpus { folder: string; index: PairIndex; tokenizer: TextTokenizer; training: PairList; evaluation: PairList; cached: boolean; close(): void }

/** Opens the prepared pairs of a spec, preparing them first where the cache does not hold them. */
export async function openPairs(data: DataSpec, source: PairSource, tokenizer: TextTokenizer, cache: string, progress: Progress): Promise<PairCorpus> {
  const files = listJsonl(source.paths), heldOut = source.heldOut && listJsonl(source.heldOut);
  if (files.length === 0 || heldOut?.length === 0) throw new RunFailure("data-error", `There is no .jsonl file in what was chosen ${files.length ? "to be held out" : "to train on"}; choose files with input and target on each line.`);
  const about = ["pairs", VERSION, tokenizer.identity, heldOut ? files.length : data.evaluationFraction];
  const folder = join(cache, "data", await contentKey([...files, ...heldOut ?? []], about, progress));
  const { index, cached } = await openPrepared(folder, Index, (aside) => prepare(aside, files, heldOut, tokenizer, data.evaluationFraction, progress));
  const tokens = new TokenStream(join(folder, "tokens.bin"), index.tokens, index.bytesPerToken);
  const training = new PairList(join(folder, "training.bin"), index.training, tokens), evaluation = new PairList(join(folder, "evaluation.bin"), index.evaluation, tokens);
  return { folder, index, tokenizer, training, evaluation, cached, close() { training.close(); evaluation.close(); tokens.close(); } };
}

async function prepare(folder: string, files: readonly TextFile[], heldOut: readonly TextFile[] | null, tokenizer: TextTokenizer, fraction: number, progress: Progress): Promise<PairIndex> {
  const all = [...files, ...heldOut ?? []], total = bytesIn(all), width = widthOf(tokenizer.vocabularySize);
  const chosen = heldOut ? null : await chooseHeldOut(goodLines(files, () => progress("preparing-data", 0, total)), fraction, {
    none: 'No line of the chosen files is an object with text under "input" and "target"; see the README for the form.',
    single: "The files hold a single pair, so none can be held out for evaluation; add more, or name files to be held out.",
  });
  const tokens = tokenWriter(join(folder, "tokens.bin"), width);
  const lists = { training: recordWriter(join(folder, "training.bin")), evaluation: recordWriter(join(folder, "evaluation.bin")) };
  const index: PairIndex = { v: VERSION, lines: 0, badLines: 0, firstBad: null, invalidBytes: 0, bytesPerToken: width, tokens: 0, training: 0, evaluation: 0 };
  let read = 0;
  for (const [i, file] of all.entries()) for await (const line of linesOf(file)) {
    progress("preparing-data", read += line.bytes.length + 1, total);
    index.lines++;
    index.invalidBytes += line.invalid;
    if (!line.pair) {
      index.badLines++;
      index.firstBad ??= `line ${line.number} of ${file.path}, which ${line.wrong}`;
      continue;
    }
    const held = chosen === null ? i >= files.length : heldOutAt(line.bytes) <= chosen;
    const input = tokenizer.encode(Buffer.from(line.pair.input)), target = tokenizer.encode(Buffer.from(line.pair.target));
    lists[held ? "evaluation" : "training"].write([tokens.length, input.length, target.length]);
    tokens.write(input);
    tokens.write(target);
    index[held ? "evaluation" : "training"]++;
  }
  progress("preparing-data", total, total);
  for (const writer of [tokens, ...Object.values(lists)]) writer.close();
  if (index.training === 0 || index.evaluation === 0)
    throw new RunFailure("data-error", `The files ${index.training === 0 ? "to train on" : "to be held out"} hold no line with input and target${index.firstBad ? `: ${index.firstBad}` : ""}; choose others.`);
  return { ...index, tokens: tokens.length };
}

const recordWriter = (path: string): NumberWriter<Float64Array> => new NumberWriter(path, new Float64Array(3 << 14));

async function* goodLines(files: readonly TextFile[], progress: () => void): AsyncGenerator<PairLine> {
  for (const file of files) for await (const line of linesOf(file)) {
    progress();
    if (line.pair) yield line;
  }
}

/** Lines of a file in order, without those that are blank. At most LONGEST_LINE bytes of one are held. */
export async function* linesOf({ path }: TextFile): AsyncGenerator<PairLine> {
  let rest: Buffer = Buffer.alloc(0), number = 0, skipping = false;
  const line = function* (bytes: Buffer): Generator<PairLine> {
    number++;
    if (skipping || bytes.length > LONGEST_LINE) yield { number, bytes: Buffer.alloc(0), pair: null, wrong: "is longer than 1 MiB", invalid: 0 };
    else if (bytes.some((byte) => byte > 0x20)) yield { number, ...readPair(bytes) };
    skipping = false;
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      rest = rest.length ? Buffer.concat([rest, chunk as Buffer]) : chunk as Buffer;
      let start = 0;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
        yield* line(rest.subarray(start, end));
        start = end + 1;
      }
      rest = rest.subarray(start);
      if (rest.length > LONGEST_LINE) { skipping = true; rest = Buffer.alloc(0); }
    }
  } catch (error) {
    if (error instanceof StopAsked || asFailure(error).reason === "disk-full") throw error; // from writing the progress
    throw new RunFailure("data-error", `${path} can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}); check it, or leave it out.`, error);
  }
  if (rest.length || skipping) yield* line(rest);
}

function readPair(raw: Buffer): Pick<PairLine, "bytes" | "pair" | "wrong" | "invalid"> {
  const { bytes, invalid } = repairUtf8(raw);
  let value: unknown;
  try { value = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, "")); } catch { return { bytes, pair: null, wrong: "is not JSON", invalid }; }
  const { input, target } = (value ?? {}) as { input?: unknown; target?: unknown };
  if (typeof input !== "string" || typeof target !== "string") return { bytes, pair: null, wrong: 'has no text under "input" and "target"', invalid };
  return { bytes, pair: { input, target }, wrong: null, invalid };
}
