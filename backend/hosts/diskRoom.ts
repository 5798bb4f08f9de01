// A host must not fill this machine's disk.
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

const KEEP_FREE_BYTES = 256 << 20;
const LOOK_EVERY_BYTES = 16 << 20;
let sinceLook = Infinity;

/** Before bytes of a host are written into a file. @throws a sentence where the disk is nearly full */
export function leaveRoom(file: string, bytes: number): void {
  sinceLook += bytes;
  if (sinceLook < LOOK_EVERY_BYTES) return;
  sinceLook = 0;
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize >= KEEP_FREE_BYTES) return;
  sinceLook = Infinity;
  throw new Error("This machine's disk is nearly full, so nothing more is copied from hosts; free some space.");
}
