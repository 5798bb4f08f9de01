// Prepares the data of a spec in a thread of its own, as the trainer would, so that only tokens have to be sent.
import { parentPort, workerData } from "node:worker_threads";
import type { RunSpec } from "../../contract/runSpec.ts";
import { prepareForHost } from "../../trainer/data/prepareForHost.ts";

const TOLD_EVERY_MILLISECONDS = 200;
let told = 0;
try {
  const result = await prepareForHost(workerData as RunSpec, (phase, done, total) => {
    if (performance.now() - told < TOLD_EVERY_MILLISECONDS && done < total) return;
    told = performance.now();
    parentPort!.postMessage({ phase, done, total });
  });
  parentPort!.postMessage({ result });
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
