// Prepares the data of a spec in a thread of its own, as the trainer would, so that only tokens have to be sent; or tells of its tokenizer alone, where the data lie elsewhere.
import { parentPort, workerData } from "node:worker_threads";
import type { RunSpec } from "../../contract/runSpec.ts";
import { prepareForHost, tokenizerFacts } from "../../trainer/data/prepareForHost.ts";

const TOLD_EVERY_MILLISECONDS = 200;
const { spec, wanted } = workerData as { spec: RunSpec; wanted: "data" | "tokenizer" };
let told = 0;
try {
  const result = wanted === "tokenizer" ? tokenizerFacts(spec) : await prepareForHost(spec, (phase, done, total) => {
    if (performance.now() - told < TOLD_EVERY_MILLISECONDS && done < total) return;
    told = performance.now();
    parentPort!.postMessage({ phase, done, total });
  });
  parentPort!.postMessage({ result });
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
