// Text as two streams of tokens on disk, one to train on and one held out, cached by content.
// Documents follow each other with an end token after each, as T5 does, so that short documents need no padding.
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fsyncSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { DataSpec } from "../../contract/runSpec.ts";
import { RunFailure, StopAsked, asFailure } from "../failure.ts";
import { makeFolder } from "../run/makeFolder.ts";
import { documentsOf } from "./documents.ts";
import { listFiles, type TextFile } from "./sources.ts";
import { openTokenizer, type TextTokenizer } from "./tokenizer.ts";

const VERSION = 1;
const Index = z.object({
  v: z.literal(VERSION), files: z.int(), documents: z.int(), bytes: z.number(), invalidBytes: z.number(), invalidFiles: z.int(),
  bytesPerToken: z.union([z.literal(2), z.literal(4)]), heldOutDocuments: z.int(), training: z.int(), evaluation: z.int(),
});
export type CorpusIndex = z.output<typeof Index>;
export type Progress = (phase: "reading-data" | "preparing-data", done: number, total: number) => void;

/** Random access to a file of token ids; reads what is asked for, so that memory does not grow with the text. */
export class TokenStream {
  readonly length: number;
  readonly #file: number;
  readonly #width: 2 | 4;
  readonly #path: string;
  constructor(path: string, length: number, width: 2 | 4) {
    this.#path = path;
    this.#file = openSync(path, "r");
    this.length = length;
    this.#width = width;
  }
  read(start: number, count: number): Uint16Array | Uint32Array {
    const ids = this.#width === 2 ? new Uint16Array(count) : new Uint32Array(count);
    const got = readSync(this.#file, ids, 0, ids.byteLength, start * this.#width);
    if (got !== ids.byteLength) throw new RunFailure("data-error", `The prepared text ${this.#path} was cut short; delete it and resume.`);
    return ids;
  }
  close(): void { closeSync(this.#file); }
}

export interface Corpus { index: CorpusIndex; tokenizer: TextTokenizer; training: TokenStream; evaluation: TokenStream; cached: boolean; close(): void }

export const defaultCache = (): string => process.env["SWITCHYARD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "switchyard");

/** Whether a document is held out: its SHA-256, as a fraction of all, lies below `fraction`. */
export function heldOutAt(document: Buffer): number {
  return createHash("sha256").update(document).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** Opens the prepared text of a spec, preparing it first where the cache does not hold it. */
export async function openCorpus(data: DataSpec, cache: string, progress: Progress): Promise<Corpus> {
  const tokenizer = openTokenizer(data.tokenizer);
  const { files } = listFiles(data.source);
  if (files.length === 0) throw new RunFailure("data-error", "There is no text file in what was chosen; choose files or folders of text.");
  const key = await contentKey(files, tokenizer, data.evaluationFraction, progress);
  const folder = join(cache, "data", key);
  let index = readIndex(folder);
  const cached = index !== null;
  if (!index) {
    await prepare(folder, files, tokenizer, data.evaluationFraction, progress);
    index = readIndex(folder);
    if (!index) throw new RunFailure("data-error", `The prepared text in ${folder} can't be read back; delete that folder and resume.`);
  }
  const training = new TokenStream(join(folder, "training.bin"), index.training, index.bytesPerToken);
  const evaluation = new TokenStream(join(folder, "evaluation.bin"), index.evaluation, index.bytesPerToken);
  return { index, tokenizer, training, evaluation, cached, close() { training.close(); evaluation.close(); } };
}

async function contentKey(files: TextFile[], tokenizer: TextTokenizer, fraction: number, progress: Progress): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify([VERSION, tokenizer.identity, fraction]));
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  for (const file of files) {
    const content = createHash("sha256");
    try {
      for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20 })) {
        content.update(chunk as Buffer);
        progress("reading-data", done += (chunk as Buffer).length, total);
      }
    } catch (error) {
      if (error instanceof StopAsked || asFailure(error).reason === "disk-full") throw error; // from writing the progress
      throw new RunFailure("data-error", `${file.path} can't be read (${(error as NodeJS.ErrnoException).code}); check it, or leave it out.`, error);
    }
    key.update(content.digest());
  }
  return key.digest("hex");
}

function readIndex(folder: string): CorpusIndex | null {
  if (!existsSync(join(folder, "index.json"))) return null;
  try { return Index.parse(JSON.parse(readFileSync(join(folder, "index.json"), "utf8"))); } catch { return null; }
}

/** Gathers ids and writes them in large blocks. */
class TokenWriter {
  length = 0;
  readonly #file: number;
  readonly #block: Uint16Array | Uint32Array;
  #filled = 0;
  constructor(path: string, width: 2 | 4) {
    this.#file = openSync(path, "w", 0o600);
    this.#block = width === 2 ? new Uint16Array(1 << 18) : new Uint32Array(1 << 18);
  }
  write(ids: ArrayLike<number>, end: number): void {
    for (let i = 0; i < ids.length; i++) this.#put(ids[i]!);
    this.#put(end);
  }
  #put(id: number): void {
    if (this.#filled === this.#block.length) this.#flush();
    this.#block[this.#filled++] = id;
    this.length++;
  }
  #flush(): void {
    const bytes = new Uint8Array(this.#block.buffer, 0, this.#filled * this.#block.BYTES_PER_ELEMENT);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    this.#filled = 0;
  }
  close(): void { this.#flush(); fsyncSync(this.#file); closeSync(this.#file); }
}

async function prepare(folder: string, files: TextFile[], tokenizer: TextTokenizer, fraction: number, progress: Progress): Promise<void> {
  const aside = `${folder}.${process.pid}.partial`;
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  try {
    makeFolder(aside);
    const width = tokenizer.vocabularySize <= 65536 ? 2 : 4;
    const writers = { training: new TokenWriter(join(aside, "training.bin"), width), evaluation: new TokenWriter(join(aside, "evaluation.bin"), width) };
    // With few documents none may fall below the fraction: then the one with the lowest hash is held out.
    const chosen = await chooseHeldOut(files, fraction, () => progress("preparing-data", 0, total));
    const index: CorpusIndex = { v: VERSION, files: files.length, documents: 0, bytes: 0, invalidBytes: 0, invalidFiles: 0, bytesPerToken: width, heldOutDocuments: 0, training: 0, evaluation: 0 };
    let read = 0;
    for (const file of files) {
      let invalid = 0, inFile = 0;
      for await (const document of documentsOf(file)) {
        const held = heldOutAt(document.bytes) <= chosen;
        writers[held ? "evaluation" : "training"].write(tokenizer.encode(document.bytes), tokenizer.end);
        index.documents++;
        index.bytes += document.bytes.length;
        invalid += document.invalid;
        if (held) index.heldOutDocuments++;
        progress("preparing-data", Math.min(total, read + (inFile += document.bytes.length)), total);
      }
      read += file.bytes;
      index.invalidBytes += invalid;
      if (invalid) index.invalidFiles++;
    }
    progress("preparing-data", total, total);
    writers.training.close();
    writers.evaluation.close();
    index.training = writers.training.length;
    index.evaluation = writers.evaluation.length;
    writeFileSync(join(aside, "index.json"), JSON.stringify(index), { flush: true, mode: 0o600 });
    if (readIndex(folder)) return; // another trainer prepared it first, and may be reading it
    rmSync(folder, { recursive: true, force: true });
    try { renameSync(aside, folder); } catch (error) { if (!readIndex(folder)) throw error; }
  } catch (error) {
    throw error instanceof StopAsked ? error : asFailure(error);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The hash up to which documents are held out: `fraction`, moved so that neither side is empty. */
async function chooseHeldOut(files: TextFile[], fraction: number, progress: () => void): Promise<number> {
  let lowest = Infinity, highest = -Infinity, heldOut = 0, documents = 0;
  for (const file of files) for await (const document of documentsOf(file)) {
    progress();
    const at = heldOutAt(document.bytes);
    lowest = Math.min(lowest, at);
    highest = Math.max(highest, at);
    documents++;
    if (at <= fraction) heldOut++;
    if (heldOut > 0 && heldOut < documents) return fraction;
  }
  if (documents === 0) throw new RunFailure("data-error", "The chosen files hold no text; choose files with text in them.");
  if (lowest === highest) throw new RunFailure("data-error", "The text is a single document, so none can be held out for evaluation; add more files or a file above 64 KiB.");
  return heldOut === 0 ? lowest : (lowest + highest) / 2;
}
