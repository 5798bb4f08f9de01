// Checkpoints: written aside, checksummed, made visible by one rename with the manifest already inside.
import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { FILES, Manifest } from "../../contract/runDirectory.ts";
import type { Engine } from "../../native/switchyard.d.ts";
import type { AlertState } from "../alerts.ts";
import { PARTIAL, syncDirectory } from "./runDirectory.ts";

/** What the alerts have seen so far, so that a resumed run raises the same. */
export const ALERTS_FILE = "alerts.json";

export interface StoredCheckpoint { folder: string; manifest: Manifest }
/** What is needed to look for damage. */
export interface CheckpointFiles { folder: string; manifest: Pick<Manifest, "files"> }

/** Checkpoints with a readable manifest, newest first. Checksums are not looked at. */
export function listCheckpoints(run: string): StoredCheckpoint[] {
  const root = join(run, FILES.checkpoints);
  const found: StoredCheckpoint[] = [];
  for (const name of existsSync(root) ? readdirSync(root) : []) {
    if (!/^step-\d+$/.test(name)) continue;
    try { found.push({ folder: join(root, name), manifest: Manifest.parse(JSON.parse(readFileSync(join(root, name, FILES.manifest), "utf8"))) }); }
    catch { /* a checkpoint without a manifest does not exist */ }
  }
  return found.sort((a, b) => b.manifest.step - a.manifest.step);
}

export const bytesOf = ({ files }: Pick<Manifest, "files">): number => files.reduce((sum, file) => sum + file.bytes, 0);

/** What is wrong with a checkpoint's files, or null when sizes and checksums hold. What `progress` throws ends the search. */
export async function damageOf({ folder, manifest }: CheckpointFiles, progress: (done: number, total: number) => void = () => {}): Promise<string | null> {
  const total = bytesOf(manifest);
  let done = 0;
  for (const file of manifest.files) {
    const wrong = await damageOfFile(join(folder, file.name), file, (bytes) => progress(done += bytes, total));
    if (wrong !== null) return wrong;
  }
  return null;
}

async function damageOfFile(path: string, { name, bytes, sha256 }: Manifest["files"][number], progress: (bytes: number) => void): Promise<string | null> {
  const unreadable = (error: unknown): string => `${name} can't be read (${(error as NodeJS.ErrnoException).code})`;
  const hash = createHash("sha256");
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) { return unreadable(error); }
  try {
    const chunk = Buffer.alloc(1 << 20);
    let size = 0;
    for (;;) {
      let got: number;
      try { got = (await file.read(chunk, 0, chunk.length)).bytesRead; } catch (error) { return unreadable(error); }
      if (got === 0) break;
      size += got;
      if (size > bytes) break;
      hash.update(chunk.subarray(0, got));
      progress(got);
    }
    if (size !== bytes) return `${name} has another size than recorded`;
    return hash.digest("hex") === sha256 ? null : `${name} does not match its checksum`;
  } finally { await file.close(); }
}

/** Saves the engine's state and what the alerts have seen. Returns the bytes written. */
export async function writeCheckpoint(run: string, engine: Engine, alerts: AlertState, facts: Omit<Manifest, "v" | "files" | "t">): Promise<number> {
  const root = join(run, FILES.checkpoints), aside = join(root, `.step-${facts.step}${PARTIAL}`), folder = join(root, `step-${facts.step}`);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { mode: 0o700 });
  try {
    const saved = await engine.save(aside);
    for (const { name } of saved.files) {
      const file = openSync(join(aside, name), "r");
      try { fsyncSync(file); } finally { closeSync(file); }
    }
    const seen = Buffer.from(JSON.stringify(alerts));
    writeFileSync(join(aside, ALERTS_FILE), seen, { flush: true, mode: 0o600 });
    const files = [...saved.files, { name: ALERTS_FILE, bytes: seen.length, sha256: createHash("sha256").update(seen).digest("hex") }];
    const manifest: Manifest = { v: 1, t: Date.now() / 1000, ...facts, files };
    writeFileSync(join(aside, FILES.manifest), JSON.stringify(manifest), { flush: true, mode: 0o600 });
    syncDirectory(aside);
    rmSync(folder, { recursive: true, force: true }); // a damaged one of the same step
    renameSync(aside, folder);
    syncDirectory(root);
    return bytesOf(manifest);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
}

/** The checkpoint with the lowest evaluation loss, or null when none was evaluated. */
export function bestOf(all: StoredCheckpoint[]): StoredCheckpoint | null {
  return all.reduce<StoredCheckpoint | null>((best, one) => {
    const loss = one.manifest.evaluationLoss;
    return loss !== null && (best === null || loss < best.manifest.evaluationLoss!) ? one : best;
  }, null);
}

/** Removes all but the newest `keepLast` and, where asked, the best. Returns those removed. */
export function retain(run: string, keepLast: number, keepBest: boolean): StoredCheckpoint[] {
  const all = listCheckpoints(run), best = keepBest ? bestOf(all) : null;
  const removed = all.slice(keepLast).filter((one) => one.folder !== best?.folder);
  for (const { folder } of removed) {
    rmSync(join(folder, FILES.manifest), { force: true }); // from here on it does not exist, even when killed half way
    rmSync(folder, { recursive: true, force: true });
  }
  return removed;
}
