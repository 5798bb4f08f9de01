// Writes a model as a folder that transformers opens: config.json, safetensors, and its tokenizer.json.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { flushDirectory } from "../atomicFile.ts";
import { PersonError, plainReason } from "../personError.ts";
import { configText, toHuggingFace } from "./huggingFaceConfig.ts";
import { loadNative } from "./huggingFaceFolder.ts";
import type { OpenedModel } from "./weights.ts";

/** Size beyond which weights are cut into several files, as transformers does by default. */
const MAX_SHARD_BYTES = 5_000_000_000;

export interface Exported { directory: string; files: { name: string; bytes: number }[]; notes: string[] }

/**
 * @param directory where to: a folder that does not exist yet or is empty. It appears whole or not at all.
 * @throws PersonError, one sentence.
 */
export async function exportModel(opened: OpenedModel, directory: string, maxShardBytes = MAX_SHARD_BYTES): Promise<Exported> {
  const target = resolve(directory), aside = join(dirname(target), `.${basename(target)}.new-${process.pid}`);
  const { family, config, notes } = toHuggingFace(opened);
  if (existsSync(target) && (!statSync(target).isDirectory() || readdirSync(target).length > 0)) throw new PersonError(`${target} is not empty; choose a folder that does not exist yet.`);
  try {
    mkdirSync(aside, { recursive: true });
  } catch (error) {
    throw new PersonError(`The folder ${target} can't be made (${plainReason(error)}); choose another.`);
  }
  try {
    const { exportHuggingFaceModel } = await loadNative();
    const { files } = await exportHuggingFaceModel({ family, model: opened.model, vocabularySize: opened.vocabularySize }, opened.weights, aside, maxShardBytes);
    const write = (name: string, content: unknown) => writeFileSync(join(aside, name), `${JSON.stringify(content, null, 2)}\n`);
    if (files.length > 1) write("model.safetensors.index.json", await indexOf(aside, files.map(({ name }) => name)));
    writeFileSync(join(aside, "config.json"), configText(config));
    write("generation_config.json", { decoder_start_token_id: opened.startToken, eos_token_id: opened.endToken, pad_token_id: opened.padToken });
    if (opened.tokenizer?.kind === "huggingface") copyFileSync(opened.tokenizer.path, join(aside, "tokenizer.json"));
    flushDirectory(aside);
    if (existsSync(target)) rmSync(target, { recursive: true });
    renameSync(aside, target);
    flushDirectory(dirname(target));
    return { directory: target, notes, files: readdirSync(target).toSorted().map((name) => ({ name, bytes: statSync(join(target, name)).size })) };
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
}

/** model.safetensors.index.json: which file holds which weight. */
async function indexOf(directory: string, names: readonly string[]): Promise<{ metadata: { total_size: number }; weight_map: Record<string, string> }> {
  const { tensorHeader } = await loadNative(), map: Record<string, string> = {};
  let bytes = 0;
  for (const name of names)
    for (const entry of await tensorHeader(join(directory, name))) {
      map[entry.name] = name;
      bytes += 4 * entry.shape.reduce((product, size) => product * size, 1);
    }
  return { metadata: { total_size: bytes }, weight_map: map };
}
