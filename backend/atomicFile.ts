// Small JSON files that are always whole: written aside, flushed, renamed, and the folder flushed.
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";

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
