// What is prepared of a source once and kept in the cache: where it lies, how it appears there whole, and what of it is held out.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { RunFailure, StopAsked, asFailure } from "../failure.ts";
import { makeFolder } from "../run/makeFolder.ts";
import type { TextFile } from "./sources.ts";

export type Progress = (phase: "reading-data" | "preparing-data", done: number, total: number) => void;

export const defaultCache = (): string => process.env["SWITCHYARD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "switchyard");
export const bytesIn = (files: readonly TextFile[]): number => files.reduce((sum, file) => sum + file.bytes, 0);

/** A key that changes with the content of any file, and with `about`: all else that decides what is prepared. */
export async function contentKey(files: readonly TextFile[], about: unknown, progress: Progress): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(about));
  const total = bytesIn(files);
  let done = 0;
  for (const file of files) {
    const content = createHash("sha256");
    try {
      for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20 })) {
        content.update(chunk as Buffer);
        progress("reading-data", done += (chunk as Buffer).length, total);
      }
    } catch (error) {
      if (error instanceof StopAsked || asFailure(error).reason === "disk-full") throw error; // from writing the progress
      throw new RunFailure("data-error", `${file.path} can't be read (${(error as NodeJS.ErrnoException).code}); check it, or leave it out.`, error);
    }
    key.update(content.digest());
  }
  return key.digest("hex");
}

const INDEX = "index.json";
function readIndex<T>(folder: string, schema: z.ZodType<T>): T | null {
  if (!existsSync(join(folder, INDEX))) return null;
  try { return schema.parse(JSON.parse(readFileSync(join(folder, INDEX), "utf8"))); } catch { return null; }
}

/** The index of a prepared folder, which `write` fills first where the cache does not hold it; it appears whole or not at all. */
export async function openPrepared<T>(folder: string, schema: z.ZodType<T>, write: (aside: string) => Promise<T>): Promise<{ index: T; cached: boolean }> {
  const found = readIndex(folder, schema);
  if (found) return { index: found, cached: true };
  const aside = `${folder}.${process.pid}.partial`;
  try {
    makeFolder(aside);
    writeFileSync(join(aside, INDEX), JSON.stringify(await write(aside)), { flush: true, mode: 0o600 });
    // Another trainer may have prepared it first, and be reading it.
    if (!readIndex(folder, schema)) {
      rmSync(folder, { recursive: true, force: true });
      try { renameSync(aside, folder); } catch (error) { if (!readIndex(folder, schema)) throw error; }
    }
  } catch (error) {
    throw error instanceof StopAsked ? error : asFailure(error);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  const index = readIndex(folder, schema);
  if (!index) throw new RunFailure("data-error", `The prepared text in ${folder} can't be read back; delete that folder and resume.`);
  return { index, cached: false };
}

/** Where a document lies among all, from 0 to 1, by its SHA-256; those up to a fraction are held out. */
export function heldOutAt(document: Uint8Array): number {
  return createHash("sha256").update(document).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** The place up to which documents are held out: `fraction`, moved so that neither side is empty. */
export async function chooseHeldOut(documents: AsyncIterable<{ bytes: Buffer }>, fraction: number, sentences: { none: string; single: string }): Promise<number> {
  let lowest = Infinity, highest = -Infinity, heldOut = 0, seen = 0;
  for await (const { bytes } of documents) {
    const at = heldOutAt(bytes);
    lowest = Math.min(lowest, at);
    highest = Math.max(highest, at);
    seen++;
    if (at <= fraction) heldOut++;
    if (heldOut > 0 && heldOut < seen) return fraction;
  }
  if (seen === 0) throw new RunFailure("data-error", sentences.none);
  if (lowest === highest) throw new RunFailure("data-error", sentences.single);
  return heldOut === 0 ? lowest : (lowest + highest) / 2;
}
