// The imported models of a home: one folder each, whole or not there.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ModelFile } from "../../contract/modelFile.ts";
import type { Home } from "../home.ts";
import { PersonError } from "../personError.ts";
import { readModelFile } from "../../trainer/run/weightsSource.ts";

/** Begins the name of a folder that is being made or removed. */
export const UNFINISHED_MODEL = ".new-";

export interface StoredModel { file: ModelFile; directory: string }

/** All models of a home, newest first. A folder without a model.json that fits is no model. */
export function listModels({ models }: Pick<Home, "models">): StoredModel[] {
  if (!existsSync(models)) return [];
  const ids = readdirSync(models).filter((name) => !name.startsWith("."));
  return ids.flatMap((id) => readModel(join(models, id)) ?? []).toSorted((a, b) => b.file.id.localeCompare(a.file.id));
}

/** The model in a folder of the store, its tokenizer's path made absolute; null where there is none. */
export function readModel(directory: string): StoredModel | null {
  const file = readModelFile(directory);
  return file && { file, directory };
}

/** @throws PersonError where a home has no such model. */
export function findModel(home: Pick<Home, "models">, id: string): StoredModel {
  const found = readModel(join(home.models, id));
  if (!found) throw new PersonError(`There is no imported model ${id}; "switchyard model list" shows all.`);
  return found;
}

/** Removes a model for good. Runs that started from it keep their own weights. */
export function deleteModel(home: Pick<Home, "models">, id: string): void {
  const { directory } = findModel(home, id), aside = join(home.models, `${UNFINISHED_MODEL}${id}`);
  // The rename makes it vanish at once; what a crash leaves behind is no model.
  renameSync(directory, aside);
  rmSync(aside, { recursive: true, force: true });
}
