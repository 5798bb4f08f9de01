// Prepares the data of a spec in a thread of its own, as the trainer would, so that only tokens have to be sent.
import { parentPort, workerData } from "node:worker_threads";
import type { RunSpec } from "../../contract/runSpec.ts";
import { openCorpus } from "../../trainer/data/corpus.ts";
import { openPairs } from "../../trainer/data/pairs.ts";
import { defaultCache, type Progress } from "../../trainer/data/prepared.ts";
import { openTokenizer } from "../../trainer/data/tokenizer.ts";

const { data } = workerData as RunSpec;
const TOLD_EVERY_MILLISECONDS = 200;
let told = 0;
const progress: Progress = (phase, done, total) => {
  if (performance.now() - told < TOLD_EVERY_MILLISECONDS && done < total) return;
  told = performance.now();
  parentPort!.postMessage({ phase, done, total });
};
try {
  const tokenizer = openTokenizer(data.tokenizer), { source } = data;
  if (source.kind !== "sample" && source.kind !== "files" && source.kind !== "jsonl") throw new Error("Images can't be trained on on a host yet; choose text.");
  const opened = source.kind === "jsonl" ? await openPairs(data, source, tokenizer, defaultCache(), progress) : await openCorpus(data, tokenizer, defaultCache(), progress);
  opened.close();
  const { vocabularySize, pad, end, sentinels } = tokenizer;
  parentPort!.postMessage({ result: { folder: opened.folder, tokenizer: { vocabularySize, pad, end, sentinels } } });
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
