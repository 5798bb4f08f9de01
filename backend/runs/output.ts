// The end of what a trainer's process printed.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Bytes of the end that are shown. */
export const OUTPUT_BYTES = 64 * 1024;

/** Text without terminal escapes and control characters; a line rewritten with carriage returns keeps its last state. */
export function cleanOutput(text: string): string {
  return text
    .replaceAll(/\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|\x1b/g, "")
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1)!)
    .join("\n")
    // Direction overrides would let a line show something else than it says.
    .replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "");
}

/** The last OUTPUT_BYTES of a file, cleaned; empty when there is no file. */
export function readOutput(file: string): { text: string; truncated: boolean } {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return { text: "", truncated: false };
  }
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(0, size - OUTPUT_BYTES);
    const bytes = Buffer.alloc(Math.min(size, OUTPUT_BYTES));
    const length = readSync(descriptor, bytes, 0, bytes.length, from);
    const text = bytes.toString("utf8", 0, length);
    // The first line shown is a whole one.
    return { text: cleanOutput(from > 0 ? text.slice(text.indexOf("\n") + 1) : text), truncated: from > 0 };
  } finally {
    closeSync(descriptor);
  }
}
