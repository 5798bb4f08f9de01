// The folder of the sockets that ssh shares connections through: nobody else may enter it, since who can open such a socket is logged in.
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A socket's name adds 17 bytes, and ssh as many again while it makes it; Unix allows 107 in all, some systems 103. */
const LONGEST = 40;

/** The folder for one home and one configuration, made or found: 0700, ours, and short enough for a socket. */
export function controlFolder(home: string, configFile: string | null): string {
  const key = createHash("sha256").update(`${home}\0${configFile ?? ""}`).digest("hex").slice(0, 8);
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const candidates = [...(runtime ? [join(runtime, `switchyard-${key}`)] : []), join(tmpdir(), `switchyard-${uid}-${key}`), `/tmp/switchyard-${uid}-${key}`];
  for (const folder of candidates) if (Buffer.byteLength(folder) <= LONGEST && isOurs(folder, uid)) return folder;
  // Somebody stands where it should be; a new name can't be foreseen.
  return mkdtempSync("/tmp/switchyard-");
}

function isOurs(folder: string, uid: number): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
  }
  try {
    const facts = lstatSync(folder);
    return facts.isDirectory() && facts.uid === uid && (facts.mode & 0o077) === 0;
  } catch {
    return false;
  }
}
