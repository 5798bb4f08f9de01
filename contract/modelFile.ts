// model.json of an imported model: <home>/models/<id>/ holds it beside model.safetensors, whose tensors have the engine's own names
// as a checkpoint's have, and tokenizer.json where the model brought one.
import { z } from "zod";
import { Manifest } from "./runDirectory.ts";
import { ModelSpec, Tokenizer } from "./runSpec.ts";

export const MODEL_FILES = { model: "model.json", weights: "model.safetensors", tokenizer: "tokenizer.json" } as const;
export const ModelId = z.uuidv7();
export const ModelName = z.string().trim().min(1).max(200);
const token = z.int().min(0).max(2 ** 31 - 1);

export const ModelFile = z.strictObject({
  v: z.literal(1), id: ModelId, name: ModelName,
  /** Unix seconds. */
  importedAt: z.number(),
  /** The folder it was read from. */
  source: z.string().max(4096),
  model: ModelSpec,
  /** Rows of the embedding: at least the tokenizer's tokens, often a few more. */
  vocabularySize: z.int().min(1).max(2 ** 31 - 1),
  padToken: token, startToken: token, endToken: token,
  /** null where the folder brought no tokenizer.json. The path is absolute once the file is read. */
  tokenizer: Tokenizer.nullable(),
  /** Single weights. */
  parameters: z.int().min(1),
  /** What lies beside model.json. */
  files: Manifest.shape.files,
});
export type ModelFile = z.output<typeof ModelFile>;

/** What a folder in Hugging Face's layout holds, as it would be imported. */
export const ModelInspection = ModelFile.omit({ v: true, id: true, importedAt: true, files: true });
export type ModelInspection = z.output<typeof ModelInspection>;
