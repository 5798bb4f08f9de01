// A quick look at chosen data for the form: what training would read.
import type { DataInspection } from "../../contract/handlers.ts";
import type { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { documentsOf } from "./documents.ts";
import { isImageSource, readImages } from "./images.ts";
import { linesOf } from "./pairs.ts";
import { listFiles, listJsonl, type TextFile } from "./sources.ts";
import { openTokenizer } from "./tokenizer.ts";

/** After this many milliseconds the rest is counted by size alone, each file as one document. */
const BUDGET_MS = 3000;
const MOST_SKIPPED = 200;

export async function inspectData(source: DataSource, tokenizer: Tokenizer): Promise<DataInspection> {
  const { vocabularySize } = openTokenizer(tokenizer);
  if (isImageSource(source)) {
    const { facts, count, files } = readImages(source);
    return { documents: count, bytes: files.reduce((sum, file) => sum + file.bytes, 0), invalidBytes: 0, vocabularySize, files: files.length, skipped: [], images: facts };
  }
  const { files, skipped } = source.kind === "jsonl" ? { files: listJsonl([...source.paths, ...source.heldOut ?? []]), skipped: [] } : listFiles(source);
  const deadline = Date.now() + BUDGET_MS;
  let documents = 0, bytes = 0, invalidBytes = 0;
  for (const file of files) {
    bytes += file.bytes;
    if (Date.now() > deadline) { documents++; continue; }
    for await (const { invalid, wrong } of partsOf(source, file)) {
      if (!wrong) documents++;
      else if (skipped.length < MOST_SKIPPED) skipped.push(wrong);
      invalidBytes += invalid;
      if (Date.now() > deadline) break;
    }
  }
  return { documents, bytes, invalidBytes, vocabularySize, files: files.length, skipped: skipped.slice(0, MOST_SKIPPED), images: null };
}

/** Documents of a text, or lines of pairs with what is wrong with them. */
async function* partsOf(source: DataSource, file: TextFile): AsyncGenerator<{ invalid: number; wrong: DataInspection["skipped"][number] | null }> {
  if (source.kind === "jsonl") for await (const { number, wrong, invalid } of linesOf(file)) yield { invalid, wrong: wrong === null ? null : { path: `${file.path}:${number}`, reason: wrong } };
  else for await (const { invalid } of documentsOf(file)) yield { invalid, wrong: null };
}
