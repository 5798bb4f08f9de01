// The spec as it is being written: a tree of JSON that may still be wrong.
import { RunSpec } from "../../contract/runSpec.ts";
import { toIssues } from "../../contract/specIssues.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Draft = { [name: string]: Json };

/** The value at a dotted path; undefined where there is none. */
export function valueAt(draft: Json, path: string): Json | undefined {
  let at: Json | undefined = draft;
  for (const part of path.split(".")) at = typeof at === "object" && at !== null ? (at as Record<string, Json>)[part] : undefined;
  return at;
}

/** A copy with the value at the path; what lies beside it is shared. */
export function withValue(draft: Draft, path: string, value: Json): Draft {
  const [first, ...rest] = path.split(".") as [string, ...string[]];
  if (rest.length === 0) return { ...draft, [first]: value };
  const inner = draft[first];
  return { ...draft, [first]: withValue(typeof inner === "object" && inner !== null && !Array.isArray(inner) ? inner : {}, rest.join("."), value) };
}

/** What a person typed as the JSON it stands for: a number where it is one, otherwise the text itself, which the schema then refuses. */
export const typedNumber = (text: string): Json => (/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : text);

export interface Checked {
  spec: RunSpec | null;
  /** First sentence by dotted path. */
  issues: ReadonlyMap<string, string>;
}

export function check(draft: Draft): Checked {
  const parsed = RunSpec.safeParse(draft);
  if (parsed.success) return { spec: parsed.data, issues: new Map() };
  const issues = new Map<string, string>();
  for (const { path, message } of toIssues(parsed.error)) if (!issues.has(path)) issues.set(path, message);
  return { spec: null, issues };
}

/** The draft of a spec or preset, with every default written out. */
export const draftOf = (spec: unknown): Draft => RunSpec.parse(spec) as unknown as Draft;

/** Reads a spec that was pasted. Throws an Error whose message is one sentence. */
export function readJson(text: string): Draft {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("A spec is a JSON object.");
  return draftFrom(value);
}

/** The draft of a spec that may still have mistakes: it is taken as it is, so that the form can point at them; what was left out takes its default. */
export function draftFrom(spec: object): Draft {
  const parsed = RunSpec.safeParse(spec);
  return parsed.success ? draftOf(spec) : filled(spec as Draft, draftOf({}));
}

/** The draft, with the defaults of what it leaves out. An alternative that it names by `kind` has defaults of its own. */
function filled(draft: Draft, defaults: Draft): Draft {
  const isTree = (value: Json | undefined): value is Draft => typeof value === "object" && value !== null && !Array.isArray(value);
  const all: Draft = { ...defaults, ...draft };
  for (const [name, standard] of Object.entries(defaults)) {
    const own = draft[name];
    if (isTree(own) && isTree(standard) && (own["kind"] === undefined || own["kind"] === standard["kind"])) all[name] = filled(own, standard);
  }
  return all;
}
