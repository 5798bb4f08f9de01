// What differs between the specs of runs, and nothing else.
import type { SpecDifference } from "../../contract/handlers.ts";
import { importedFrom, type RunSpec } from "../../contract/runSpec.ts";

/** What a spec says: all of it, or of an imported run its name and where its log lies. */
export const knownOf = (spec: RunSpec): Json => (importedFrom(spec) ? { name: spec.name, lineage: spec.lineage } : spec);

type Json = SpecDifference["values"][number];

/** Leaves of a JSON value by dotted path. Arrays are leaves: their order is their meaning. */
function leaves(value: Json, path: string, into: Map<string, Json>): Map<string, Json> {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0)
    for (const [key, inner] of Object.entries(value)) leaves(inner, path === "" ? key : `${path}.${key}`, into);
  else into.set(path, value);
  return into;
}

/** Each path at which the specs do not all agree, with one value a spec; null where a spec has no such field. */
export function specDifferences(specs: readonly Json[]): SpecDifference[] {
  const all = specs.map((spec) => leaves(spec, "", new Map()));
  const paths = new Set(all.flatMap((spec) => [...spec.keys()]));
  return [...paths]
    .map((path) => ({ path, values: all.map((spec) => spec.get(path) ?? null) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
