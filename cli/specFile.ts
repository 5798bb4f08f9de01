// A spec from a file, changed by --set.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { unreadableReason } from "../backend/personError.ts";
import { RunSpec } from "../contract/runSpec.ts";
import { UsageError } from "./commandLine.ts";
import { didYouMean, nearestField } from "./suggestion.ts";

type Json = z.output<ReturnType<typeof z.json>>;
export type JsonObject = { [key: string]: Json };
export const isObject = (value: unknown): value is JsonObject => value !== null && typeof value === "object" && !Array.isArray(value);

/** Reads a spec; paths of text in it are relative to the file. */
export function readSpecFile(file: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`The spec ${file} can't be read: ${unreadableReason(error)}.`);
  }
  let spec: unknown;
  try {
    spec = JSON.parse(text);
  } catch (error) {
    throw new Error(`The spec ${file} is not JSON: ${(error as Error).message}.`);
  }
  if (!isObject(spec)) throw new Error(`The spec ${file} must be a JSON object; {} is the sample with all defaults.`);
  resolvePaths(spec, dirname(resolve(file)));
  return spec;
}

function resolvePaths(spec: JsonObject, folder: string): void {
  const data = spec["data"];
  if (!isObject(data)) return;
  const { source, tokenizer } = data;
  for (const list of ["paths", "heldOut"])
    if (isObject(source) && Array.isArray(source[list])) source[list] = source[list].map((path) => (typeof path === "string" ? resolve(folder, path) : path));
  for (const name of ["images", "labels"])
    if (isObject(source) && typeof source[name] === "string") source[name] = resolve(folder, source[name]);
  if (isObject(tokenizer) && typeof tokenizer["path"] === "string") tokenizer["path"] = resolve(folder, tokenizer["path"]);
}

/** Every dotted path of a spec, from its schema. */
export function specPaths(): string[] {
  const paths = new Set<string>();
  const visit = (schema: z.core.JSONSchema.BaseSchema, path: string): void => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      const at = path === "" ? key : `${path}.${key}`;
      paths.add(at);
      if (typeof inner === "object") visit(inner as z.core.JSONSchema.BaseSchema, at);
    }
    for (const inner of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) if (typeof inner === "object") visit(inner as z.core.JSONSchema.BaseSchema, path);
  };
  visit(z.toJSONSchema(RunSpec, { io: "input", reused: "inline" }) as z.core.JSONSchema.BaseSchema, "");
  return [...paths];
}

/** Sets one field. The value is JSON, or else a string. @throws UsageError that names the path. */
export function applySetting(spec: JsonObject, setting: string): void {
  const at = setting.indexOf("=");
  if (at < 1) throw new UsageError(`"--set ${setting}" is not path=value, for example --set training.steps=500.`);
  const [path, text] = [setting.slice(0, at).trim(), setting.slice(at + 1)];
  const known = specPaths();
  if (!known.includes(path)) throw new UsageError(`A spec has no field "${path}".${didYouMean(nearestField(path, known))}`);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    value = text;
  }
  const keys = path.split(".");
  let place = spec;
  for (const key of keys.slice(0, -1)) {
    const inner = place[key];
    place = isObject(inner) ? inner : ((place[key] = {}) as JsonObject);
  }
  const last = keys.at(-1)!;
  // Another kind of optimizer, source or tokenizer has other fields: those of the old kind go.
  if (last === "kind" && place["kind"] !== value) for (const key of Object.keys(place)) delete place[key];
  place[last] = value;
}
