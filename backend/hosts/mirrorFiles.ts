// The local copy of a run directory on another machine. Its events are the same bytes, appended only: how far they have been copied is the size of the
// file itself, so whatever is killed when, the next connection goes on at the right byte.
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { ExitFile, FILES, HeartbeatFile, ProcessFile } from "../../contract/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";
import { leaveRoom } from "./diskRoom.ts";

/** Bytes at either end that tell whether a file still is the one that was copied. */
const MARK_BYTES = 4096;
/** stdout.log is cut to its end, of half as much, when it is longer. */
const MAX_OUTPUT_BYTES = 256 * 1024;

/** Place, length and SHA-256 of a piece of a file. */
export type Mark = [place: number, length: number, sha256: string];

/** What was pushed does not go on where the copy ends. */
export class OutOfStep extends Error {}

const SMALL = { "process.json": ProcessFile, "heartbeat.json": HeartbeatFile, "exit.json": ExitFile } as const;

export class MirrorFiles {
  readonly directory: string;
  #descriptor: number | null = null;
  #size = 0;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Bytes of events that are here. */
  get size(): number {
    return this.#size;
  }

  /** Opens the copy and says how far it is, and by what the original is recognised. */
  open(): { offset: number; marks: Mark[] } {
    this.close();
    const file = join(this.directory, FILES.events);
    this.#descriptor = openSync(file, existsSync(file) ? "r+" : "wx+", 0o600);
    this.#size = fstatSync(this.#descriptor).size;
    const length = Math.min(MARK_BYTES, this.#size);
    return { offset: this.#size, marks: length === 0 ? [] : [this.#mark(0, length), this.#mark(this.#size - length, length)] };
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  /** Forgets what was copied: the original is another one. */
  empty(): void {
    ftruncateSync(this.#descriptor!, 0);
    this.#size = 0;
  }

  /** @throws OutOfStep; an Error with a sentence where this machine's disk is nearly full */
  append(offset: number, base64: string): void {
    if (offset !== this.#size) throw new OutOfStep(`Bytes from ${offset} on do not follow ${this.#size}.`);
    const bytes = Buffer.from(base64, "base64");
    leaveRoom(join(this.directory, FILES.events), bytes.length);
    for (let done = 0; done < bytes.length;) {
      const written = writeSync(this.#descriptor!, bytes, done, bytes.length - done, this.#size);
      done += written;
      this.#size += written;
    }
  }

  /** A small file, if it is what its name says; otherwise the one that is there stays. */
  store(name: keyof typeof SMALL, text: string): z.output<(typeof SMALL)[typeof name]> | null {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return null;
    }
    const parsed = SMALL[name].safeParse(value);
    if (!parsed.success) return null;
    const file = join(this.directory, name);
    if (name === FILES.heartbeat) {
      // Every two seconds, and of no worth after a power cut.
      writeFileSync(`${file}.part`, JSON.stringify(parsed.data), { mode: 0o600 });
      renameSync(`${file}.part`, file);
    } else writeJson(file, parsed.data);
    return parsed.data;
  }

  /** The end of what the trainer printed; `fresh` begins it anew. */
  output(base64: string, fresh: boolean): void {
    const file = join(this.directory, FILES.log), bytes = Buffer.from(base64, "base64");
    const before = fresh || !existsSync(file) ? Buffer.alloc(0) : readFileSync(file);
    const all = Buffer.concat([before, bytes]);
    if (fresh || all.length > MAX_OUTPUT_BYTES) writeFileSync(file, all.subarray(Math.max(0, all.length - MAX_OUTPUT_BYTES / 2)), { mode: 0o600 });
    else writeFileSync(file, bytes, { flag: "a", mode: 0o600 });
  }

  /** Unix seconds of the newest thing that was copied; null where nothing was. */
  lastHeard(): number | null {
    const times = [FILES.events, FILES.heartbeat, FILES.process].map((name) => statSync(join(this.directory, name), { throwIfNoEntry: false })).filter((facts) => facts !== undefined && facts.size > 0);
    return times.length === 0 ? null : Math.max(...times.map((facts) => facts!.mtimeMs)) / 1000;
  }

  #mark(place: number, length: number): Mark {
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptor!, bytes, 0, length, place);
    return [place, length, createHash("sha256").update(bytes).digest("hex")];
  }
}
