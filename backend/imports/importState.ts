// import.json of an imported run: how far its log has been read, and the events made of the last piece. It is written before
// those events are appended, so that whoever goes on after a kill appends the same bytes at the same place: nothing is lost,
// doubled or torn.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FILES } from "../../contract/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";

const IMPORT_FILE = "import.json";
/** Largest that is read: the events of one piece, escaped, and what is remembered of the names. */
const MAX_STATE_BYTES = 64 << 20;

const SourceFile = z.object({
  name: z.string(), offset: z.int().min(0),
  /** SHA-256 of the first `headBytes` bytes, by which a file that was replaced is noticed. */
  headBytes: z.int().min(0), head: z.string(),
  decoder: z.object({ skip: z.int(), ended: z.boolean(), columns: z.array(z.string()).nullable() }),
});
export const ImportState = z.object({
  v: z.literal(1),
  files: z.array(SourceFile),
  /** Stamp of the next event. */
  attempt: z.int().min(1), seq: z.int().min(0),
  /** Newest step; Unix seconds of the first and of the newest row, where the log says them. */
  step: z.int().min(0), firstTime: z.number().nullable(), lastTime: z.number().nullable(),
  rows: z.int().min(0),
  /** [tag, metric, last step] */
  tags: z.array(z.tuple([z.string(), z.string().nullable(), z.int()])),
  /** Where `lines` belong in events.jsonl. */
  at: z.int().min(0), lines: z.string(),
});
export type ImportState = z.output<typeof ImportState>;
export type SourceFile = z.output<typeof SourceFile>;

export const newState = (): ImportState => ({ v: 1, files: [], attempt: 1, seq: 0, step: 0, firstTime: null, lastTime: null, rows: 0, tags: [], at: 0, lines: "" });

/** What an earlier import left, its last events appended if that had not happened; null where there is none. @throws a sentence */
export function readState(directory: string): ImportState | null {
  const file = join(directory, IMPORT_FILE);
  if (!existsSync(file)) return null;
  const parsed = statSync(file).size > MAX_STATE_BYTES ? null : ImportState.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed?.success) throw new Error(`${file} can't be read; remove that run and import its log anew.`);
  appendLines(directory, parsed.data);
  return parsed.data;
}

/** Stores a piece: first what was read, then its events. */
export function storePiece(directory: string, state: ImportState): void {
  writeJson(join(directory, IMPORT_FILE), state);
  appendLines(directory, state);
}

function appendLines(directory: string, { at, lines }: ImportState): void {
  const bytes = Buffer.from(lines, "utf8"), file = join(directory, FILES.events);
  if (existsSync(file) && statSync(file).size >= at + bytes.length) return;
  const descriptor = openSync(file, existsSync(file) ? "r+" : "w", 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
