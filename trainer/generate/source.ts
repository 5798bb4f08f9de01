// The weights to generate from: a run's checkpoint, found and checked, or an imported model; and what an engine for them is built from.
import { join } from "node:path";
import type { GenerationSource } from "../../contract/generation.ts";
import { MODEL_FILES } from "../../contract/modelFile.ts";
import type { Manifest } from "../../contract/runDirectory.ts";
import { RunSpec, sparseIndices, type ModelSpec } from "../../contract/runSpec.ts";
import type { EngineConfig } from "../../native/switchyard.d.ts";
import { openTokenizer, type TextTokenizer } from "../data/tokenizer.ts";
import { RunFailure } from "../failure.ts";
import { bestOf, damageOf, listCheckpoints, type StoredCheckpoint } from "../run/checkpoints.ts";
import { readSpec } from "../run/runDirectory.ts";
import { readModelFile, vocabularyOf } from "../run/weightsSource.ts";

export interface Weights {
  /** Differs whenever other weights would be read. */
  key: string;
  /** Folder with model.safetensors. */
  folder: string;
  /** Step of the checkpoint; null for an imported model. */
  step: number | null;
  tokenizer: TextTokenizer;
  endToken: number;
  config: EngineConfig;
  /** Says what is wrong with the file, or null. */
  damage: () => Promise<string | null>;
}

/** @throws RunFailure with what to do where there are no such weights. */
export function findWeights(directory: string, source: GenerationSource, threads: number): Weights {
  if (source.kind === "model") return importedModel(directory, threads);
  const spec = readSpec(directory);
  refuseUnfit(spec.model);
  const checkpoint = chooseCheckpoint(directory, source.checkpoint);
  const tokenizer = openTokenizer(spec.data.tokenizer);
  const { manifest } = checkpoint;
  // A model that began from a public one may have more rows than its tokenizer has tokens.
  const vocabularySize = vocabularyOf(join(checkpoint.folder, MODEL_FILES.weights)) ?? tokenizer.vocabularySize;
  return {
    key: `${checkpoint.folder} ${manifest.t}`, folder: checkpoint.folder, step: manifest.step, tokenizer, endToken: tokenizer.end,
    config: engineConfig(spec, { vocabularySize, padToken: tokenizer.pad, startToken: tokenizer.pad }, threads),
    damage: () => damageOfWeights(checkpoint.folder, manifest.files),
  };
}

/** Text is made by a decoder, one token at a time. @throws RunFailure where a model can't. */
export function refuseUnfit(model: ModelSpec): void {
  if (model.architecture === "vision") throw new RunFailure("spec-error", "A vision model classifies images; it makes no text.");
  if (model.sparse?.routing === "expert-choice" && sparseIndices(model, "decoder", model.decoderLayers).length > 0)
    throw new RunFailure("spec-error", "The decoder's experts choose among all tokens of a text at once, so it can't be made token by token; expert choice works in an encoder alone.");
}

function importedModel(directory: string, threads: number): Weights {
  const file = readModelFile(directory);
  if (!file) throw new RunFailure("checkpoint-error", `${join(directory, MODEL_FILES.model)} can't be read; import the model again.`);
  if (!file.tokenizer) throw new RunFailure("data-error", `"${file.name}" was imported without a tokenizer.json, so its tokens stand for no text; import it again with one.`);
  const tokenizer = openTokenizer(file.tokenizer);
  const { vocabularySize, padToken, startToken, endToken } = file, { training, seed, device } = RunSpec.parse({});
  return {
    key: `${directory} ${file.importedAt}`, folder: directory, step: null, tokenizer, endToken,
    config: engineConfig({ model: file.model, training, seed, device }, { vocabularySize, padToken, startToken }, threads),
    damage: () => damageOfWeights(directory, file.files),
  };
}

const damageOfWeights = (folder: string, files: Manifest["files"]): Promise<string | null> => damageOf({ folder, manifest: { files: files.filter(({ name }) => name === MODEL_FILES.weights) } });

function chooseCheckpoint(directory: string, wanted: number | "newest" | "best"): StoredCheckpoint {
  const all = listCheckpoints(directory);
  if (all.length === 0) throw new RunFailure("checkpoint-error", "The run has no checkpoint yet; wait for the first one, or ask the run for one.");
  if (wanted === "newest") return all[0]!;
  if (wanted === "best") {
    const best = bestOf(all);
    if (!best) throw new RunFailure("checkpoint-error", "None of the run's checkpoints was evaluated, so none is the best; take the newest or a step.");
    return best;
  }
  const found = all.find(({ manifest }) => manifest.step === wanted);
  if (!found) throw new RunFailure("checkpoint-error", `The run has no checkpoint of step ${wanted}; there ${all.length === 1 ? "is one" : "are some"} of step ${all.map(({ manifest }) => manifest.step).join(", ")}.`);
  return found;
}

function engineConfig(spec: Pick<RunSpec, "seed" | "device" | "model" | "training">, tokens: Pick<EngineConfig, "vocabularySize" | "padToken" | "startToken">, threads: number): EngineConfig {
  return { seed: spec.seed, device: spec.device, model: spec.model, training: { ...spec.training, threads }, ...tokens, inference: true, capacityFactorGrid: [] };
}
