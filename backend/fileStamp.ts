import { statSync } from "node:fs";

/** Bytes and time of change of a file, as one word to compare; null when it is not there. */
export function fileStamp(file: string): string | null {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return null;
  }
}
