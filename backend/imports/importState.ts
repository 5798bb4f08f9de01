// import.json of an imported run: how far its log has been read. import.lines: the events made of the last piece. Both are written
// before those events are appended, so that whoever goes on after a kill appends the same bytes at the same place: nothing is lost,
// doubled or torn. While import.json still tells of the piece before, nobody needs import.lines, since all of that piece has been appended.
import { closeSync, constants, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FILES } from "../../contract/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";

const IMPORT_FILE = "import.json";
const LINES_FILE = "import.lines";
/** Largest that is read: what is remembered of the names. */
const MAX_STATE_BYTES = 16 << 20;

const SourceFile = z.object({
  name: z.string(), offset: z.int().min(0),
  /** SHA-256 of the first `headBytes` bytes, by which a file that was replaced is noticed. */
  headBytes: z.int().min(0), head: z.string(),
  decoder: z.object({ skip: z.int(), ended: z.boolean(), columns: z.array(z.string()).nullable() }),
});
export const ImportState = z.object({
  v: z.literal(2),
  files: z.array(SourceFile),
  /** Stamp of the next event. */
  attempt: z.int().min(1), seq: z.int().min(0),
  /** Newest step; Unix seconds of the first and of the newest row, where the log says them. */
  step: z.int().min(0), firstTime: z.number().nullable(), lastTime: z.number().nullable(),
  rows: z.int().min(0),
  /** [tag, metric, last step] */
  tags: z.array(z.tuple([z.string(), z.string().nullable(), z.int()])),
  /** Where the bytes of import.lines belong in events.jsonl, and how many they are. */
  at: z.int().min(0), length: z.int().min(0),
});
export type ImportState = z.output<typeof ImportState>;
export type SourceFile = z.output<typeof SourceFile>;

export const newState = (): ImportState => ({ v: 2, files: [], attempt: 1, seq: 0, step: 0, firstTime: null, lastTime: null, rows: 0, tags: [], at: 0, length: 0 });

/** What an earlier import left, its last events appended if that had not happened; null where there is none. @throws a sentence */
export function readState(directory: string): ImportState | null {
  const file = join(directory, IMPORT_FILE);
  if (!existsSync(file)) return null;
  const parsed = statSync(file).size > MAX_STATE_BYTES ? null : ImportState.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!parsed?.success) throw new Error(`${file} can't be read; remove that run and import its log anew.`);
  const { at, length } = parsed.data, events = join(directory, FILES.events);
  if (length > 0 && (!existsSync(events) || statSync(events).size < at + length)) {
    const lines = readFileSync(join(directory, LINES_FILE));
    if (lines.length !== length) throw new Error(`${join(directory, LINES_FILE)} is not whole; remove that run and import its log anew.`);
    writeAt(events, lines, at);
  }
  return parsed.data;
}

/** Stores a piece: first its events and what was read, then the events again in their place. */
export function storePiece(directory: string, state: ImportState, lines: string): void {
  const bytes = Buffer.from(lines, "utf8");
  state.at += state.length;
  state.length = bytes.length;
  if (bytes.length > 0) writeAt(join(directory, LINES_FILE), bytes, 0);
  writeJson(join(directory, IMPORT_FILE), state);
  if (bytes.length > 0) writeAt(join(directory, FILES.events), bytes, state.at);
}

/** Writes all of `bytes` at `at` of a file, of which nothing is left behind them. */
function writeAt(file: string, bytes: Buffer, at: number): void {
  const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
    if (fstatSync(descriptor).size > at + bytes.length) ftruncateSync(descriptor, at + bytes.length);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
