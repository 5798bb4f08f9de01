// A folder in the layout of transformers: config.json, safetensors in one file or in several with an index, tokenizer.json.
// Nothing in it is trusted: names, links and sizes are checked before a file is opened.
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { z } from "zod";
import type { TensorEntry } from "../../native/switchyard.d.ts";
import { PersonError, plainReason } from "../personError.ts";
import { fromHuggingFace, type HuggingFaceFacts } from "./huggingFaceConfig.ts";

const NATIVE = new URL("../../native/load.ts", import.meta.url).href;
export const loadNative = () => import(NATIVE) as Promise<typeof import("../../native/switchyard.d.ts")>;

const WEIGHTS = "model.safetensors", INDEX = "model.safetensors.index.json", CONFIG = "config.json", TOKENIZER = "tokenizer.json";
const MAX_CONFIG_BYTES = 1 << 20, MAX_INDEX_BYTES = 64 << 20, MAX_TOKENIZER_BYTES = 64 << 20, MAX_SHARDS = 10_000;
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|msgpack|h5)$/i;

export interface HuggingFaceFolder extends HuggingFaceFacts {
  directory: string;
  /** Absolute paths of the safetensors files. */
  weights: string[];
  /** Absolute path of tokenizer.json; null where there is none. */
  tokenizer: string | null;
  /** Single weights as the engine keeps them, duplicates left out. */
  parameters: number;
}

/** Opens a folder and reads everything but the weights' values. @throws PersonError, one sentence. */
export async function openHuggingFaceFolder(given: string): Promise<HuggingFaceFolder> {
  const directory = realFolder(given);
  const config = parseJson(directory, CONFIG, MAX_CONFIG_BYTES, `The folder ${directory} has no config.json; choose one that transformers saved with save_pretrained.`);
  const { files, promised } = weightFiles(directory);
  const { tensorHeader } = await loadNative();
  const tensors = new Map<string, TensorEntry>();
  for (const name of files) {
    const entries = await tensorHeader(fileIn(directory, name)!).catch((error: Error) => { throw new PersonError(error.message); });
    for (const entry of entries) {
      if (tensors.has(entry.name)) throw new PersonError(`The weight ${entry.name} is in more than one file of ${directory}; save the model again.`);
      if (promised && promised.get(entry.name) !== name) throw new PersonError(`The weight ${entry.name} is in ${name}, where ${INDEX} of ${directory} does not expect it; save the model again.`);
      tensors.set(entry.name, entry);
    }
  }
  for (const [weight, file] of promised ?? [])
    if (!tensors.has(weight)) throw new PersonError(`${INDEX} of ${directory} says that ${file} holds the weight ${weight}, but it does not; save the model again.`);
  const facts = fromHuggingFace(config, (name) => tensors.has(name));
  const tokenizer = fileIn(directory, TOKENIZER);
  if (tokenizer && statSync(tokenizer).size > MAX_TOKENIZER_BYTES) throw new PersonError(`${tokenizer} is larger than a tokenizer can be (${MAX_TOKENIZER_BYTES >> 20} MiB).`);
  return { ...facts, directory, weights: files.map((name) => fileIn(directory, name)!), tokenizer, parameters: parametersOf(facts, tensors) };
}

function realFolder(given: string): string {
  try {
    const directory = realpathSync(resolve(given));
    if (statSync(directory).isDirectory()) return directory;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PersonError(code === "ENOENT" ? `There is no folder ${resolve(given)}.` : `The folder ${resolve(given)} can't be read (${plainReason(error)}).`);
  }
  throw new PersonError(PICKLE.test(given) || given.endsWith(".safetensors") ? `${resolve(given)} is a file; give the folder that holds it beside config.json.` : `${resolve(given)} is a file; give a folder that transformers saved.`);
}

/**
 * The real path of a file of the folder; null where there is none. A link may lead to another file of the folder, or to `blobs` of the same
 * model in the hub's cache, which is made of such links.
 */
function fileIn(directory: string, name: string): string | null {
  const path = join(directory, name);
  if (!existsSync(path)) return null;
  const real = realpathSync(path), blobs = resolve(directory, "..", "..", "blobs");
  if (real !== join(directory, basename(real)) && !(basename(resolve(directory, "..")) === "snapshots" && real.startsWith(blobs + sep)))
    throw new PersonError(`${path} is a link that leads out of its folder, to ${real}; copy the file there instead.`);
  if (!statSync(real).isFile()) throw new PersonError(`${path} is not a file.`);
  return real;
}

/** Text of a JSON file of the folder, parsed. */
function parseJson(directory: string, name: string, most: number, missing: string): unknown {
  const path = fileIn(directory, name);
  if (!path) throw new PersonError(missing);
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    if (size > most) throw new PersonError(`${join(directory, name)} has ${size} bytes, more than such a file can have (${most}).`);
    const bytes = Buffer.alloc(size);
    return JSON.parse(bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, size, 0)));
  } catch (error) {
    if (error instanceof PersonError) throw error;
    throw new PersonError(`${join(directory, name)} is not JSON; save the model again.`, { detail: (error as Error).message });
  } finally {
    closeSync(descriptor);
  }
}

const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Names of the files with weights, and which file the index promises for each. */
function weightFiles(directory: string): { files: string[]; promised: Map<string, string> | null } {
  if (fileIn(directory, WEIGHTS)) return { files: [WEIGHTS], promised: null };
  if (!fileIn(directory, INDEX)) throw new PersonError(withoutSafetensors(directory));
  const parsed = Index.safeParse(parseJson(directory, INDEX, MAX_INDEX_BYTES, ""));
  if (!parsed.success) throw new PersonError(`${join(directory, INDEX)} has no "weight_map" from weights to files; save the model again.`);
  const promised = new Map(Object.entries(parsed.data.weight_map)), files = [...new Set(promised.values())].toSorted();
  if (files.length === 0 || files.length > MAX_SHARDS) throw new PersonError(`${join(directory, INDEX)} names ${files.length} files; save the model again.`);
  for (const name of files) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors$/.test(name)) throw new PersonError(`${join(directory, INDEX)} names the file ${JSON.stringify(name.slice(0, 200))}, which is not a safetensors file of its own folder.`);
    if (!fileIn(directory, name)) throw new PersonError(`The file ${name} that ${INDEX} names is missing in ${directory}; copy the whole model.`);
  }
  return { files, promised };
}

function withoutSafetensors(directory: string): string {
  const pickle = readdirSync(directory).find((name) => PICKLE.test(name));
  if (!pickle) return `The folder ${directory} has no model.safetensors and no ${INDEX}; choose one with the weights of the model.`;
  return `${join(directory, pickle)} is not safetensors, and a pickle can run code when it is read; convert it on a machine that trusts it: `
    + `python -c "from transformers import AutoModelForSeq2SeqLM as M; M.from_pretrained('${basename(directory)}').save_pretrained('${basename(directory)}-safetensors', safe_serialization=True)".`;
}

/** All weights but copies of the embedding and those that no stack reads. */
function parametersOf({ model }: HuggingFaceFacts, tensors: ReadonlyMap<string, TensorEntry>): number {
  const copies = model.sharedEmbeddings ? ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] : ["shared.weight"];
  const unread = new Set([...copies, ...(model.tiedEmbeddings ? ["lm_head.weight"] : []), "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"]);
  let sum = 0;
  for (const { name, shape } of tensors.values()) if (!unread.has(name)) sum += shape.reduce((product, size) => product * size, 1);
  return sum;
}
