// Reads text in a thread of its own: counting gigabytes must not hold up the backend's answers.
import { parentPort, workerData } from "node:worker_threads";
import type { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { inspectData } from "../../trainer/data/inspect.ts";

const { source, tokenizer } = workerData as { source: DataSource; tokenizer: Tokenizer };
try {
  parentPort!.postMessage({ result: await inspectData(source, tokenizer) });
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
