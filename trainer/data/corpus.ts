// Text as two streams of tokens on disk, one to train on and one held out, cached by content.
// Documents follow each other with an end token after each, as T5 does, so that short documents need no padding.
import { join } from "node:path";
import { z } from "zod";
import type { DataSpec } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";
import { documentsOf, type TextDocument } from "./documents.ts";
import { bytesIn, chooseHeldOut, contentKey, heldOutAt, openPrepared, type Progress } from "./prepared.ts";
import { listFiles, type TextFile } from "./sources.ts";
import { TokenStream, tokenWriter, widthOf } from "./tokenFile.ts";
import type { TextTokenizer } from "./tokenizer.ts";

const VERSION = 1;
const Index = z.object({
  v: z.literal(VERSION), files: z.int(), documents: z.int(), bytes: z.number(), invalidBytes: z.number(), invalidFiles: z.int(),
  bytesPerToken: z.union([z.literal(2), z.literal(4)]), heldOutDocuments: z.int(), training: z.int(), evaluation: z.int(),
});
export type CorpusIndex = z.output<typeof Index>;

export interface Corpus { folder: string; index: CorpusIndex; tokenizer: TextTokenizer; training: TokenStream; evaluation: TokenStream; cached: boolean; close(): void }

/** Opens the prepared text of a spec, preparing it first where the cache does not hold it. */
export async function openCorpus(data: DataSpec, tokenizer: TextTokenizer, cache: string, progress: Progress): Promise<Corpus> {
  const { files } = listFiles(data.source);
  if (files.length === 0) throw new RunFailure("data-error", "There is no text file in what was chosen; choose files or folders of text.");
  const key = await contentKey(files, [VERSION, tokenizer.identity, data.evaluationFraction], progress), folder = join(cache, "data", key);
  const { index, cached } = await openPrepared(folder, Index, (aside) => prepare(aside, files, tokenizer, data.evaluationFraction, progress));
  const training = new TokenStream(join(folder, "training.bin"), index.training, index.bytesPerToken);
  const evaluation = new TokenStream(join(folder, "evaluation.bin"), index.evaluation, index.bytesPerToken);
  return { folder, index, tokenizer, training, evaluation, cached, close() { training.close(); evaluation.close(); } };
}

async function prepare(folder: string, files: readonly TextFile[], tokenizer: TextTokenizer, fraction: number, progress: Progress): Promise<CorpusIndex> {
  const total = bytesIn(files), width = widthOf(tokenizer.vocabularySize);
  const writers = { training: tokenWriter(join(folder, "training.bin"), width), evaluation: tokenWriter(join(folder, "evaluation.bin"), width) };
  // With few documents none may fall below the fraction: then the one with the lowest hash is held out.
  const chosen = await chooseHeldOut(allDocuments(files, () => progress("preparing-data", 0, total)), fraction, {
    none: "The chosen files hold no text; choose files with text in them.",
    single: "The text is a single document, so none can be held out for evaluation; add more files or a file above 64 KiB.",
  });
  const index: CorpusIndex = { v: VERSION, files: files.length, documents: 0, bytes: 0, invalidBytes: 0, invalidFiles: 0, bytesPerToken: width, heldOutDocuments: 0, training: 0, evaluation: 0 };
  let read = 0;
  for (const file of files) {
    let invalid = 0, inFile = 0;
    for await (const document of documentsOf(file)) {
      const held = heldOutAt(document.bytes) <= chosen, writer = writers[held ? "evaluation" : "training"];
      writer.write(tokenizer.encode(document.bytes));
      writer.write([tokenizer.end]);
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
  return { ...index, training: writers.training.length, evaluation: writers.evaluation.length };
}

async function* allDocuments(files: readonly TextFile[], progress: () => void): AsyncGenerator<TextDocument> {
  for (const file of files) for await (const document of documentsOf(file)) {
    progress();
    yield document;
  }
}
