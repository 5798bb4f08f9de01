// Where the weights lie that a request names.
import { join } from "node:path";
import type { GenerationSource } from "../../contract/generation.ts";
import type { Home } from "../home.ts";
import { findModel } from "../models/store.ts";
import { PersonError } from "../personError.ts";
import { isRunDirectory } from "../runs/runFiles.ts";

/** @throws PersonError where there is no such run or model. */
export function weightsDirectory(home: Home, source: GenerationSource): string {
  if (source.kind === "model") return findModel(home, source.modelId).directory;
  const directory = join(home.runs, source.runId);
  if (!isRunDirectory(directory)) throw new PersonError(`The folder of run ${source.runId} is gone, and its weights with it.`);
  return directory;
}
