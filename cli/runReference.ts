// A run by the beginning of its id.
import type { RunSummary } from "../contract/handlers.ts";
import type { Backend } from "./backendAccess.ts";
import { suggestion } from "./suggestion.ts";

/** Finds the one run whose id begins with `reference`; dashes and case do not matter. @throws a sentence. */
export async function findRun(backend: Backend, reference: string): Promise<RunSummary> {
  const runs = await backend.send("runs.list", {});
  const plain = (id: string) => id.replaceAll("-", "").toLowerCase();
  const wanted = plain(reference);
  if (!/^[0-9a-f]+$/.test(wanted)) throw new Error(`"${reference}" is no run id.${suggestion(reference, runs.map(({ name }) => name)) ? " It may be a name: ids are shown by \"switchyard runs list\"." : " Ids are shown by \"switchyard runs list\"."}`);
  const found = runs.filter(({ id }) => plain(id).startsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Error(`No run's id begins with "${reference}"; "switchyard runs list" shows all.`);
  throw new Error(`${found.length} runs begin with "${reference}" (${found.slice(0, 3).map(({ id, name }) => `${id} "${name}"`).join(", ")}${found.length > 3 ? ", ..." : ""}); give more of the id.`);
}
