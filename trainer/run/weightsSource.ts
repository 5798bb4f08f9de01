// Weights that exist: a checkpoint of a run, or an imported model, found beside the run directory that asks for them.
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { MODEL_FILES, ModelFile } from "../../contract/modelFile.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { RunSpec, type ModelSpec, type Tokenizer, type WeightsSource } from "../../contract/runSpec.ts";
import { RunFailure } from "../failure.ts";
import { damageOf, listCheckpoints, type CheckpointFiles } from "./checkpoints.ts";
import { readJson } from "./jsonFile.ts";

/** The two folders of a home that weights are found in. */
export interface Shelves { runs: string; models: string }
/** Those that a run directory lies among: docs/architecture.md, "A run is a directory". */
export const shelvesOf = (run: string): Shelves => ({ runs: dirname(run), models: join(dirname(dirname(run)), "models") });

export interface FoundWeights {
  name: string;
  model: ModelSpec;
  /** null where a model came without one, or sees images. */
  tokenizer: Tokenizer | null;
  /** Of an imported model: ids that mark padding, the decoder's start and the end. A run has its tokenizer's. */
  tokens: { pad: number; start: number; end: number } | null;
  /** What could be loaded, best first; `step` is null for an imported model. */
  candidates: (CheckpointFiles & { step: number | null })[];
}
export interface Weights extends Omit<FoundWeights, "candidates"> {
  /** The model.safetensors. */
  file: string;
  step: number | null;
  /** Checkpoints passed over because they are damaged, one sentence each. */
  damaged: string[];
}

/** Finds what a spec names, without looking into the weights. @throws RunFailure with the sentence for the person. */
export const findWeights = (shelves: Shelves, source: WeightsSource): FoundWeights => (source.kind === "run" ? findRun(shelves, source) : findModel(shelves, source.id));

function findRun({ runs }: Shelves, { id, step }: Extract<WeightsSource, { kind: "run" }>): FoundWeights {
  const directory = join(runs, id);
  const spec = readJson(join(directory, FILES.spec), RunSpec);
  if (!spec) throw new RunFailure("spec-error", `The run ${id}, whose weights are asked for, is not there; it may have been removed. Choose another.`);
  const all = listCheckpoints(directory), chosen = step === null ? all : all.filter(({ manifest }) => manifest.step === step);
  if (all.length === 0) throw new RunFailure("spec-error", `The run "${spec.name}" has no checkpoint yet, so it has no weights to give.`);
  if (chosen.length === 0) throw new RunFailure("spec-error", `The run "${spec.name}" has no checkpoint of step ${step}; there ${all.length === 1 ? "is" : "are"} ${all.map(({ manifest }) => manifest.step).join(", ")}.`);
  return {
    name: spec.name, model: spec.model, tokenizer: spec.model.architecture === "vision" ? null : spec.data.tokenizer, tokens: null,
    candidates: chosen.map(({ folder, manifest }) => ({ folder, step: manifest.step, manifest: weightsAlone(manifest) })),
  };
}

function findModel({ models }: Shelves, id: string): FoundWeights {
  const folder = join(models, id), file = readModelFile(folder);
  if (!file) throw new RunFailure("spec-error", `The imported model ${id} is not there; it may have been removed. Choose another.`);
  const tokens = { pad: file.padToken, start: file.startToken, end: file.endToken };
  return { name: file.name, model: file.model, tokenizer: file.tokenizer, tokens, candidates: [{ folder, step: null, manifest: weightsAlone(file) }] };
}

/** What the folder of an imported model says of it, its tokenizer's path made absolute; null where it holds none. */
export function readModelFile(folder: string): ModelFile | null {
  const file = readJson(join(folder, MODEL_FILES.model), ModelFile);
  return file?.tokenizer?.kind === "huggingface" ? { ...file, tokenizer: { ...file.tokenizer, path: join(folder, MODEL_FILES.tokenizer) } } : file;
}

/** Optimizer state and what alerts have seen are the source's own. */
const weightsAlone = ({ files }: CheckpointFiles["manifest"]): CheckpointFiles["manifest"] => ({ files: files.filter(({ name }) => name === MODEL_FILES.weights) });

/** The best weights whose checksum holds. @throws RunFailure where there are none. */
export async function openWeights(shelves: Shelves, source: WeightsSource, progress: (done: number, total: number) => void): Promise<Weights> {
  const { candidates, ...found } = findWeights(shelves, source), damaged: string[] = [];
  for (const candidate of candidates) {
    const wrong = candidate.manifest.files.length === 0 ? `it has no ${MODEL_FILES.weights}` : await damageOf(candidate, progress);
    if (wrong === null) return { ...found, file: join(candidate.folder, MODEL_FILES.weights), step: candidate.step, damaged };
    damaged.push(`${candidate.step === null ? "The imported model" : `The checkpoint of step ${candidate.step} of`} "${found.name}" is damaged (${wrong}).`);
  }
  throw new RunFailure("checkpoint-error", `${damaged[0]} Choose other weights.`);
}

/** Longest header of a safetensors file that is looked into, as in native/checkpoint/safetensors.cpp. */
const MAX_HEADER_BYTES = 100_000_000;
/** Tables with a row a token: one for both stacks, or the decoder's own. */
const EMBEDDINGS = ["shared.weight", "decoder.embed_tokens.weight"];

/** Rows of the embedding in a model.safetensors; null for one without, or a file that is none. */
export function vocabularyOf(path: string): number | null {
  try {
    const file = openSync(path, "r");
    try {
      const length = Buffer.alloc(8);
      readSync(file, length, 0, 8, 0);
      const bytes = Number(length.readBigUInt64LE());
      if (bytes > MAX_HEADER_BYTES) return null;
      const header = Buffer.alloc(bytes);
      readSync(file, header, 0, bytes, 8);
      const tensors = JSON.parse(header.toString("utf8")) as Record<string, { shape?: number[] } | undefined>;
      const rows = EMBEDDINGS.map((name) => tensors[name]?.shape?.[0]).find((count) => count !== undefined);
      return Number.isSafeInteger(rows) && rows! > 0 ? rows! : null;
    } finally { closeSync(file); }
  } catch { return null; }
}
