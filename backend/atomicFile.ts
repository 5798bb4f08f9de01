// Small JSON files that are always whole: written aside, flushed, renamed, and the folder flushed.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { z } from "zod";

/** Largest JSON file that is read whole. */
const MAX_JSON_BYTES = 4 << 20;

/** Replaces `file` by `value` as JSON, so that a reader sees the old or the new and a power cut leaves one of them. */
export function writeJson(file: string, value: unknown, mode = 0o600): void {
  const aside = `${file}.${process.pid}.tmp`;
  const descriptor = openSync(aside, "w", mode);
  try {
    writeSync(descriptor, `${JSON.stringify(value, null, 2)}\n`);
    fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(aside);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(aside, file);
  flushDirectory(dirname(file));
}

/** Makes renames in a folder survive a power cut. */
export function flushDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The file's content when it is there and fits the schema; null otherwise. */
export function readJson<T extends z.ZodType>(file: string, schema: T): z.output<T> | null {
  try {
    if (statSync(file).size > MAX_JSON_BYTES) return null;
    const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
