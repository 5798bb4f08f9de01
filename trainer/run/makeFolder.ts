// Folders with their parents. Node's own recursive mkdir never returns where a parent can be neither found nor made, as below /proc.
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a folder and the parents it lacks, closed to other people; one that is there stays as it is. @throws the system's error */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException, parent = dirname(path);
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    // With the parent there, its answer is final: /proc says ENOENT of what it will not hold.
    if (code !== "ENOENT" || parent === path || statSync(parent, { throwIfNoEntry: false })) throw error;
    makeFolder(parent);
    mkdirSync(path, { mode: 0o700 });
  }
}
