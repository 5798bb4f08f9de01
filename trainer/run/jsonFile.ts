// JSON files of a home, read whole.
import { readFileSync, statSync } from "node:fs";
import type { z } from "zod";

/** Largest that is read. */
const MAX_JSON_BYTES = 4 << 20;

/** The file's content when it is there and fits the schema; null otherwise. */
export function readJson<T extends z.ZodType>(file: string, schema: T): z.output<T> | null {
  try {
    const facts = statSync(file);
    if (!facts.isFile() || facts.size > MAX_JSON_BYTES) return null;
    const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
