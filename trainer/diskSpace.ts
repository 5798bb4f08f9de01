// Whether the disk of a run has room for what comes next.
import { statfsSync } from "node:fs";
import { runAlert, type NewAlert } from "./alerts.ts";

/** Checkpoints that must fit: the next is written aside before an older one goes. */
const CHECKPOINTS = 2;
/** The alert clears when there is room for this much more. */
const CLEARED = 1.25;

export class DiskSpace {
  readonly #path: string;
  #raised = false;
  /** @param path a folder of the run */
  constructor(path: string) { this.#path = path; }

  /** Looks at the disk. `checkpoint`: bytes of one. Says once that space runs out, and again after there was room. */
  look(step: number, checkpoint: number): NewAlert | null {
    const { bavail, bsize } = statfsSync(this.#path), free = bavail * bsize, needed = CHECKPOINTS * checkpoint;
    if (free > needed * CLEARED) this.#raised = false;
    if (free >= needed || this.#raised) return null;
    this.#raised = true;
    return runAlert(step, "warning", "disk", `The disk with the run has ${bytes(free)} free, less than the ${bytes(needed)} that the next ${CHECKPOINTS} checkpoints need; free some space, or the run ends when it is full.`);
  }
}

function bytes(n: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, n)) / 10)));
  return `${(n / 2 ** (10 * power)).toPrecision(3)} ${["bytes", "KiB", "MiB", "GiB", "TiB"][power]}`;
}
