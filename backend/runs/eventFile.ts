// Reading events.jsonl from where the database says it was read to. The file is only ever appended to; when it was cut or
// replaced all the same, it is read anew from its start.
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { EventStamp, MAX_EVENT_BYTES, RunEvent } from "../../contract/events.ts";
import { fitsOf } from "../../contract/fits.ts";
import { readPosition, rememberFile, restartReading, RunWriter, type EventBatch, type ReadPosition } from "../../db/applyEvents.ts";
import type { WritableDB } from "../../db/database.ts";

/** Events in one transaction: short enough to leave the event loop free in between. */
const EVENTS_PER_BATCH = 1000;
const CHUNK_BYTES = MAX_EVENT_BYTES + 1;
/** Files are read one after the other, each into here. */
const CHUNK = Buffer.allocUnsafe(CHUNK_BYTES);
/** Bytes of the first line that tell one file from another. */
const HEAD_BYTES = 4096;
const NEWLINE = 0x0a;

/** A line is held against the schema of its kind alone. */
const KINDS = new Map<unknown, { schema: (typeof RunEvent.options)[number]; fits: (json: unknown) => boolean }>(
  RunEvent.options.map((schema) => [schema.shape.kind.value, { schema, fits: fitsOf(schema) }]));

type ParsedLine = EventBatch["events"][number] | "unparsable";

/** One line as an event. Never throws, whatever the line holds. */
export function parseEventLine(line: string): ParsedLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "unparsable";
  }
  const known = KINDS.get((json as { kind?: unknown } | null)?.kind);
  if (known?.fits(json)) return json as RunEvent;
  if (known) return known.schema.safeParse(json).data ?? "unparsable";
  const stamp = EventStamp.safeParse(json);
  if (!stamp.success) return "unparsable";
  const { attempt, seq, t } = stamp.data;
  return { kind: "unknown", attempt, seq, t };
}

export interface ReadOutcome {
  /** New events stored. */
  applied: number;
  /** Whether more whole lines may wait in the file. */
  more: boolean;
  /** Whether the file was cut or replaced, and is now read from its start. */
  restarted: boolean;
}

const NOTHING: ReadOutcome = { applied: 0, more: false, restarted: false };

/** The events of one run. */
export class EventFile {
  #db: WritableDB;
  #run: number;
  #file: string;
  /** How far an over-long line was searched for its end, so that each read does not search it again. */
  #searched = 0;
  #writer: RunWriter;

  constructor(db: WritableDB, run: number, file: string) {
    this.#db = db;
    this.#run = run;
    this.#file = file;
    this.#writer = new RunWriter(db, run);
  }

  /** Lets go of what makes the next batch quick, while none is expected. */
  rest(): void {
    this.#writer.rest();
  }

  /** Reads and stores the next batch. A torn last line waits for its end. */
  readBatch(): ReadOutcome {
    let descriptor: number;
    try {
      descriptor = openSync(this.#file, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return NOTHING;
      throw error;
    }
    try {
      return this.#readFrom(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #readFrom(descriptor: number): ReadOutcome {
    const { dev, ino, size } = fstatSync(descriptor);
    const position = readPosition(this.#db, this.#run);
    const file = `${dev}:${ino}`;
    if (size === position.offset && file === position.file) return NOTHING;
    const head = firstLine(descriptor);
    const replaced = size < position.offset || (position.head !== null && position.head !== head);
    if (replaced) {
      restartReading(this.#db, this.#run, file, head);
      this.#searched = 0;
      return { applied: 0, more: true, restarted: true };
    }
    if (file !== position.file || head !== position.head) rememberFile(this.#db, this.#run, file, head);
    return this.#store(descriptor, position, size);
  }

  #store(descriptor: number, { offset }: ReadPosition, size: number): ReadOutcome {
    // The long line was cut since.
    if (this.#searched > size) this.#searched = 0;
    if (this.#searched > offset) return this.#passOverLongLine(descriptor, size);
    const length = readSync(descriptor, CHUNK, 0, CHUNK_BYTES, offset);
    const chunk = CHUNK.subarray(0, length);
    const batch: EventBatch = { events: [], offset, unparsable: 0, oversized: 0 };
    let start = 0;
    let lines = 0;
    while (lines < EVENTS_PER_BATCH) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      lines++;
      const line = chunk.toString("utf8", start, end).trim();
      start = end + 1;
      if (line === "") continue;
      const event = parseEventLine(line);
      if (event === "unparsable") batch.unparsable++;
      else batch.events.push(event);
    }
    if (lines === 0) {
      if (length < CHUNK_BYTES) return NOTHING;
      this.#searched = offset + length;
      return this.#passOverLongLine(descriptor, size);
    }
    batch.offset = offset + start;
    const applied = this.#writer.apply(batch);
    return { applied, more: batch.offset < size, restarted: false };
  }

  /** Looks for the end of a line that is longer than a reader accepts, and counts it once found. */
  #passOverLongLine(descriptor: number, size: number): ReadOutcome {
    const length = readSync(descriptor, CHUNK, 0, CHUNK_BYTES, this.#searched);
    const end = CHUNK.subarray(0, length).indexOf(NEWLINE);
    if (end < 0) {
      this.#searched += length;
      return { applied: 0, more: this.#searched < size, restarted: false };
    }
    const next = this.#searched + end + 1;
    this.#searched = 0;
    this.#writer.apply({ events: [], offset: next, unparsable: 0, oversized: 1 });
    return { applied: 0, more: next < size, restarted: false };
  }
}

/** What the first line says, hashed; null until it is whole. Only its first bytes count. */
function firstLine(descriptor: number): string | null {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  const length = readSync(descriptor, bytes, 0, HEAD_BYTES, 0);
  const end = bytes.subarray(0, length).indexOf(NEWLINE);
  if (end < 0 && length < HEAD_BYTES) return null;
  return createHash("sha256").update(bytes.subarray(0, end < 0 ? HEAD_BYTES : end)).digest("hex");
}
