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

export interface RunOnDisk { id: string; name: string; directory: string; steps: number }

/** The runs among the directories of a home, without its database. */
export function runsOnDisk(home: Home): RunOnDisk[] {
  const ids = existsSync(home.runs) ? runDirectories(home.runs) : [];
  return ids.flatMap((id) => {
    const directory = join(home.runs, id), spec = readSpec(directory);
    return spec ? [{ id, name: spec.name, directory, steps: spec.training.steps }] : [];
  });
}

/** Finds the one run among the directories of a home. @throws a sentence. */
export const findRunDirectory = (home: Home, reference: string): RunOnDisk => theOne(runsOnDisk(home), reference);

/** An id without what need not be typed. */
const plain = (id: string): string => id.replaceAll("-", "").toLowerCase();

/** What is counted, in the words of a refusal, and the command that lists it. */
const WORDS = {
  run: { several: "runs", list: '"switchyard runs list"', shows: "shows" }, "imported model": { several: "imported models", list: '"switchyard model list"', shows: "shows" },
  "run or model": { several: "runs and models", list: '"switchyard runs list" and "switchyard model list"', shows: "show" },
} as const;

/** The one whose id begins with `reference`; dashes and case do not matter. @throws a sentence. */
export function theOne<R extends { id: string; name: string }>(all: readonly R[], reference: string, what: keyof typeof WORDS = "run"): R {
  const wanted = plain(reference), { several, list, shows } = WORDS[what];
  if (!/^[0-9a-f]+$/.test(wanted)) {
    if (what !== "run") throw new Error(`No imported model is called "${reference}" and it is no id; ${list} ${shows} all.`);
    throw new Error(`"${reference}" is no run id.${suggestion(reference, all.map(({ name }) => name)) ? ` It may be a name: ids are shown by ${list}.` : ` Ids are shown by ${list}.`}`);
  }
  const found = all.filter(({ id }) => plain(id).startsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Error(`No ${what}'s id begins with "${reference}"; ${list} ${shows} all.`);
  throw new Error(`${found.length} ${several} begin with "${reference}" (${found.slice(0, 3).map(({ id, name }) => `${id} "${name}"`).join(", ")}${found.length > 3 ? ", ..." : ""}); give more of the id.`);
}
