// Reads a folder in transformers' layout into the store: into a folder aside, with checksums, that appears whole by a rename.
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { MODEL_FILES, type ModelFile, type ModelInspection } from "../../contract/modelFile.ts";
import { flushDirectory, writeJson } from "../atomicFile.ts";
import type { Home } from "../home.ts";
import { PersonError } from "../personError.ts";
import { newRunId } from "../runs/launch.ts";
import { loadNative, openHuggingFaceFolder, type HuggingFaceFolder } from "./huggingFaceFolder.ts";
import { UNFINISHED_MODEL } from "./store.ts";

/** What a folder would bring, without its weights being read. @throws PersonError, one sentence. */
export async function inspectModel(directory: string): Promise<ModelInspection> {
  return inspection(await openHuggingFaceFolder(directory));
}

function inspection({ directory, model, vocabularySize, padToken, startToken, endToken, tokenizer, parameters }: HuggingFaceFolder, name?: string): ModelInspection {
  return {
    name: name ?? (basename(directory).slice(0, 200) || "model"), source: directory.slice(0, 4096), model, vocabularySize, padToken, startToken, endToken, parameters,
    tokenizer: tokenizer === null ? null : { kind: "huggingface", path: tokenizer },
  };
}

/**
 * Imports a folder. `progress` is told bytes written and bytes in all.
 * @returns the new model's id. @throws PersonError, one sentence; the home is then as before.
 */
export async function importModel(home: Pick<Home, "models">, directory: string, name?: string, progress: (done: number, total: number) => void = () => {}): Promise<string> {
  const folder = await openHuggingFaceFolder(directory), facts = inspection(folder, name);
  const id = newRunId(), aside = join(home.models, UNFINISHED_MODEL + id), weights = join(aside, MODEL_FILES.weights);
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  const watching = setInterval(() => progress(bytesOf(weights), 4 * folder.parameters), 200);
  try {
    const { importHuggingFaceModel } = await loadNative();
    const files: ModelFile["files"] = [await importHuggingFaceModel(folder, folder.weights, weights)];
    if (folder.tokenizer !== null) {
      copyFileSync(folder.tokenizer, join(aside, MODEL_FILES.tokenizer));
      files.push(checksummed(aside, MODEL_FILES.tokenizer));
    }
    const tokenizer: ModelFile["tokenizer"] = folder.tokenizer === null ? null : { kind: "huggingface", path: MODEL_FILES.tokenizer };
    const file: ModelFile = { v: 1, id, importedAt: Date.now() / 1000, ...facts, tokenizer, files };
    writeJson(join(aside, MODEL_FILES.model), file);
    renameSync(aside, join(home.models, id));
    flushDirectory(home.models);
    progress(4 * folder.parameters, 4 * folder.parameters);
    return id;
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    const { code, message, cause } = error as NodeJS.ErrnoException;
    // The engine's own sentences are for people as they are.
    if (code === "checkpoint" || code === "disk-full" || code === "memory") throw new PersonError(message, { detail: typeof cause === "string" ? cause : undefined });
    throw error;
  } finally {
    clearInterval(watching);
  }
}

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function checksummed(directory: string, name: string): ModelFile["files"][number] {
  const bytes = readFileSync(join(directory, name));
  return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}
