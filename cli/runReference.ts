// A run by the beginning of its id.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunSummary } from "../contract/handlers.ts";
import type { Home } from "../backend/home.ts";
import { readSpec, runDirectories } from "../backend/runs/runFiles.ts";
import type { Backend } from "./backendAccess.ts";
import { suggestion } from "./suggestion.ts";

/** Finds the one run that a backend knows. @throws a sentence. */
export const findRun = async (backend: Backend, reference: string): Promise<RunSummary> => theOne(await backend.send("runs.list", {}), reference);

/** Finds the one run or imported model that has weights to begin with. @throws a sentence. */
export async function findTrained(backend: Backend, reference: string): Promise<{ kind: "run" | "model"; id: string; name: string }> {
  const [runs, models] = [await backend.send("runs.list", {}), await backend.send("models.list", {})];
  return theOne([...runs.map(({ id, name }) => ({ kind: "run" as const, id, name })), ...models.map(({ id, name }) => ({ kind: "model" as const, id, name }))], reference, "run or model");
}

/** Finds the one run among the directories of a home, without its database. @throws a sentence. */
export function findRunDirectory(home: Home, reference: string): { id: string; name: string; directory: string; steps: number } {
  const ids = existsSync(home.runs) ? runDirectories(home.runs) : [];
  return theOne(ids.flatMap((id) => {
    const directory = join(home.runs, id), spec = readSpec(directory);
    return spec ? [{ id, name: spec.name, directory, steps: spec.training.steps }] : [];
  }), reference);
}

/** An id without what need not be typed. */
export const plain = (id: string): string => id.replaceAll("-", "").toLowerCase();

/** The one whose id begins with `reference`; dashes and case do not matter. */
function theOne<R extends { id: string; name: string }>(runs: R[], reference: string, what = "run"): R {
  const wanted = plain(reference);
  if (!/^[0-9a-f]+$/.test(wanted)) throw new Error(`"${reference}" is no run id.${suggestion(reference, runs.map(({ name }) => name)) ? " It may be a name: ids are shown by \"switchyard runs list\"." : " Ids are shown by \"switchyard runs list\"."}`);
  const found = runs.filter(({ id }) => plain(id).startsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Error(`No ${what}'s id begins with "${reference}"; "switchyard runs list" shows all.`);
  throw new Error(`${found.length} runs begin with "${reference}" (${found.slice(0, 3).map(({ id, name }) => `${id} "${name}"`).join(", ")}${found.length > 3 ? ", ..." : ""}); give more of the id.`);
}
