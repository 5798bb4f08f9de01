// One model to compute or export, wherever its weights are: a run's checkpoint, an imported model, or a folder in transformers' layout.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODEL_FILES } from "../../contract/modelFile.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { RunSpec, type ModelSpec, type Tokenizer, type WeightsSource } from "../../contract/runSpec.ts";
import { openTokenizer } from "../../trainer/data/tokenizer.ts";
import { openWeights, vocabularyOf } from "../../trainer/run/weightsSource.ts";
import type { Home } from "../home.ts";
import { PersonError } from "../personError.ts";
import { loadNative, openHuggingFaceFolder } from "./huggingFaceFolder.ts";
import { findModel } from "./store.ts";
import { readJson } from "../../trainer/run/jsonFile.ts";

export type ModelSource = WeightsSource | { kind: "folder"; directory: string };

export interface OpenedModel {
  name: string;
  model: ModelSpec;
  vocabularySize: number;
  padToken: number;
  startToken: number;
  endToken: number;
  tokenizer: Tokenizer | null;
  /** Its model.safetensors. */
  weights: string;
  /** Of a run's checkpoint; null otherwise. */
  step: number | null;
  /** Encoder and decoder tokens a sequence that it was trained on; those of T5's pre-training where that is not known. */
  lengths: { encoder: number; decoder: number };
  /** Removes what was made to open it. */
  close(): void;
}

const PRETRAINING_LENGTHS = { encoder: 512, decoder: 114 };

/** @param progress told bytes done and bytes in all. @throws PersonError or RunFailure, one sentence. */
export async function openModel(home: Pick<Home, "runs" | "models">, source: ModelSource, progress: (done: number, total: number) => void = () => {}): Promise<OpenedModel> {
  if (source.kind === "folder") return openFolder(source.directory);
  const { name, model, tokenizer, file: weights, step } = await openWeights(home, source, progress);
  const found = { name, model, tokenizer, weights, step, close: () => {} };
  if (source.kind === "model") {
    const { file } = findModel(home, source.id);
    return { ...found, vocabularySize: file.vocabularySize, padToken: file.padToken, startToken: file.startToken, endToken: file.endToken, lengths: PRETRAINING_LENGTHS };
  }
  const spec = readJson(join(home.runs, source.id, FILES.spec), RunSpec);
  if (!spec || tokenizer === null) throw new PersonError(`"${name}" is a vision model; only models that read text have logits of tokens or a place in transformers' layout.`);
  const { pad, end, vocabularySize } = openTokenizer(tokenizer);
  return {
    ...found, vocabularySize: vocabularyOf(weights) ?? vocabularySize, padToken: pad, startToken: pad, endToken: end,
    lengths: { encoder: spec.data.inputLength, decoder: spec.data.targetLength },
  };
}

/** The engine reads its own names, so a folder's weights are written anew into a temporary one. */
async function openFolder(directory: string): Promise<OpenedModel> {
  const folder = await openHuggingFaceFolder(directory), { model, vocabularySize, padToken, startToken, endToken, tokenizer } = folder;
  const aside = mkdtempSync(join(tmpdir(), "switchyard-model-")), weights = join(aside, MODEL_FILES.weights);
  const close = () => rmSync(aside, { recursive: true, force: true });
  try {
    await (await loadNative()).importHuggingFaceModel(folder, folder.weights, weights);
  } catch (error) {
    close();
    throw error;
  }
  return {
    name: directory, model, vocabularySize, padToken, startToken, endToken, weights, step: null, lengths: PRETRAINING_LENGTHS, close,
    tokenizer: tokenizer === null ? null : { kind: "huggingface", path: tokenizer },
  };
}
