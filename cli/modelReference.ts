// A run or an imported model by a word of a command: a model's name, or the beginning of an id, whichever of the two it belongs to.
import { existsSync } from "node:fs";
import type { Home } from "../backend/home.ts";
import { listModels, type StoredModel } from "../backend/models/store.ts";
import type { ModelSource } from "../backend/models/weights.ts";
import type { Backend } from "./backendAccess.ts";
import { runsOnDisk, theOne } from "./runReference.ts";

interface Named { id: string; name: string }
export interface Trained extends Named { kind: "run" | "model" }

/** @throws a sentence where none or several are meant. */
function theTrained(runs: readonly Named[], models: readonly Named[], reference: string): Trained {
  const own = models.map(({ id, name }): Trained => ({ kind: "model", id, name }));
  return theNamed(own, reference) ?? theOne([...runs.map(({ id, name }): Trained => ({ kind: "run", id, name })), ...own], reference, "run or model");
}

/** The one model of this name; null where none has it. @throws a sentence where several do. */
function theNamed<M extends Named>(models: readonly M[], name: string): M | null {
  const found = models.filter((model) => model.name === name);
  if (found.length > 1) throw new Error(`${found.length} imported models are called "${name}" (${found.slice(0, 3).map(({ id }) => id).join(", ")}${found.length > 3 ? ", ..." : ""}); give the id.`);
  return found[0] ?? null;
}

/** Of those that a backend knows. @throws a sentence. */
export const findTrained = async (backend: Backend, reference: string): Promise<Trained> =>
  theTrained(await backend.send("runs.list", {}), await backend.send("models.list", {}), reference);

/** Of those that lie in a home, without its database. @throws a sentence. */
export const findTrainedOnDisk = (home: Home, reference: string): Trained => theTrained(runsOnDisk(home), listModels(home).map(({ file }) => file), reference);

/** The imported model alone. @throws a sentence. */
export function findImportedModel(home: Home, reference: string): StoredModel {
  const models = listModels(home), files = models.map(({ file }) => file);
  const { id } = theNamed(files, reference) ?? theOne(files, reference, "imported model");
  return models.find(({ file }) => file.id === id)!;
}

/** A folder, an imported model or a run. @param step chooses a run's checkpoint. @throws a sentence. */
export function findModelSource(home: Home, reference: string, step: number | null): ModelSource {
  const isNamed = () => listModels(home).some(({ file }) => file.name === reference);
  if (/[/\\]|^\.+$/.test(reference) || (existsSync(reference) && !isNamed())) return { kind: "folder", directory: reference };
  const { kind, id } = findTrainedOnDisk(home, reference);
  return kind === "run" ? { kind, id, step } : { kind, id };
}
