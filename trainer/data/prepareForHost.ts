// The data of a spec as a trainer on another host reads it: prepared here, sent as files, found there by data.json (contract/runDirectory.ts).
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DataFile } from "../../contract/runDirectory.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";
import { openCorpus } from "./corpus.ts";
import { openPairs } from "./pairs.ts";
import { defaultCache, type Progress } from "./prepared.ts";
import { openTokenizer, type TextTokenizer } from "./tokenizer.ts";

export type TokenizerFacts = NonNullable<DataFile["tokenizer"]>;

export interface HostData {
  /** Where the files lie here. */
  folder: string;
  files: { name: string; bytes: number; sha256: string }[];
  /** Of names and contents of all files: the same data has the same name on a host. */
  sha256: string;
  /** For data.json, beside the directory that the files get on the host. */
  tokenizer: TokenizerFacts;
}

/** What is told of the tokenizer of data that lie elsewhere, prepared already. @throws RunFailure where it can't be opened */
export const tokenizerFacts = ({ data }: RunSpec): TokenizerFacts => factsOf(openTokenizer(data.tokenizer));
const factsOf = ({ vocabularySize, pad, end, sentinels }: TextTokenizer): TokenizerFacts => ({ vocabularySize, pad, end, sentinels });

/** Prepares the text or pairs of a spec, or finds them prepared. @throws RunFailure with the sentence for the person */
export async function prepareForHost({ data, model }: RunSpec, progress: Progress): Promise<HostData> {
  if (model.architecture === "vision") throw new RunFailure("spec-error", "Only text is prepared for other hosts, whose trainer reads no images; train on images here.");
  const tokenizer = openTokenizer(data.tokenizer);
  const { folder, close } = data.source.kind === "jsonl" ? await openPairs(data, data.source, tokenizer, defaultCache(), progress) : await openCorpus(data, tokenizer, defaultCache(), progress);
  close();
  const files: HostData["files"] = [];
  for (const name of readdirSync(folder).sort()) files.push({ name, bytes: statSync(join(folder, name)).size, sha256: await hashOf(join(folder, name)) });
  return { folder, files, sha256: createHash("sha256").update(JSON.stringify(files)).digest("hex"), tokenizer: factsOf(tokenizer) };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
