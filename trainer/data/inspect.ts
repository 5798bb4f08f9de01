// A quick look at chosen text for the form: what training would read.
import type { DataInspection } from "../../contract/handlers.ts";
import type { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { documentsOf } from "./documents.ts";
import { listFiles } from "./sources.ts";
import { openTokenizer } from "./tokenizer.ts";

/** After this many milliseconds the rest is counted by size alone, each file as one document. */
const BUDGET_MS = 3000;

export async function inspectData(source: DataSource, tokenizer: Tokenizer): Promise<DataInspection> {
  const { vocabularySize } = openTokenizer(tokenizer);
  const { files, skipped } = listFiles(source);
  const deadline = Date.now() + BUDGET_MS;
  let documents = 0, bytes = 0, invalidBytes = 0;
  for (const file of files) {
    bytes += file.bytes;
    if (Date.now() > deadline) { documents++; continue; }
    for await (const document of documentsOf(file)) {
      documents++;
      invalidBytes += document.invalid;
      if (Date.now() > deadline) break;
    }
  }
  return { documents, bytes, invalidBytes, vocabularySize, files: files.length, skipped: skipped.slice(0, 200) };
}
