// A model by the folder it lies in, by its name, or by the beginning of its id or of a run's.
import { existsSync } from "node:fs";
import type { Home } from "../backend/home.ts";
import { listModels, type StoredModel } from "../backend/models/store.ts";
import type { ModelSource } from "../backend/models/weights.ts";
import { findRunDirectory, plain } from "./runReference.ts";

/** Imported models that a reference may mean: those of that name, otherwise those whose id begins so. */
function modelsNamed(home: Home, reference: string): StoredModel[] {
  const all = listModels(home), named = all.filter(({ file }) => file.name === reference);
  return named.length > 0 || !/^[0-9a-f-]{4,}$/i.test(reference) ? named : all.filter(({ file }) => plain(file.id).startsWith(plain(reference)));
}

/** The one imported model. @throws a sentence. */
export function findImportedModel(home: Home, reference: string): StoredModel {
  const found = modelsNamed(home, reference);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Error(`No imported model is called "${reference}" and none has an id that begins so; "switchyard model list" shows all.`);
  throw new Error(`${found.length} imported models fit "${reference}" (${found.slice(0, 3).map(({ file }) => `${file.id} "${file.name}"`).join(", ")}${found.length > 3 ? ", ..." : ""}); give more of the id.`);
}

/** A folder, an imported model or a run. @param step chooses a run's checkpoint. @throws a sentence. */
export function findModelSource(home: Home, reference: string, step: number | null): ModelSource {
  if (/[/\\]|^\.+$/.test(reference) || (modelsNamed(home, reference).length === 0 && existsSync(reference))) return { kind: "folder", directory: reference };
  const models = modelsNamed(home, reference);
  if (models.length > 0) return { kind: "model", id: findImportedModel(home, reference).file.id };
  return { kind: "run", id: findRunDirectory(home, reference).id, step };
}
