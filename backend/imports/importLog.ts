// One log into one run directory, from where an earlier import stopped.
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { ColumnMapping } from "../../contract/columnMapping.ts";
import { FILES, ProcessFile } from "../../contract/runDirectory.ts";
import { importedFrom, RunSpec } from "../../contract/runSpec.ts";
import { lockRun } from "../../trainer/run/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";
import type { Home } from "../home.ts";
import { isMirror } from "../hosts/remoteFile.ts";
import { plainReason } from "../personError.ts";
import { newRunId, prepareRunDirectory, showRunDirectory } from "../runs/launch.ts";
import { bootId, startTicks } from "../runs/processState.ts";
import { readSpec, runDirectories, writeExit } from "../runs/runFiles.ts";
import { eventFiles, type FoundLog } from "./findLogs.ts";
import { newState, readState, storePiece, type ImportState, type SourceFile } from "./importState.ts";
import { freshState, MAX_PROBLEMS, type Decode, type DecoderState } from "./logDecoder.ts";
import { RowEvents } from "./rowEvents.ts";
import { decodeTensorBoard } from "./tensorBoard.ts";
import { decodeCsv, decodeJsonLines, type TextColumns } from "./textRows.ts";

const PIECE_BYTES = 4 << 20;
/** A record may be larger than a piece: then the piece grows up to this. */
const MAX_PIECE_BYTES = 32 << 20;
/** Decoded at a time: the rows of more would outlive their short time in memory and cost as much again to clear away. */
export const SLICE_BYTES = 256 << 10;
const HEAD_BYTES = 4096;

export interface ImportReport {
  runId: string;
  /** Whether there is a run: none is made of a log without any scalar. */
  kept: boolean;
  /** Rows of this import, of all imports, and the newest step. */
  added: number; rows: number; step: number;
  names: [tag: string, metric: string | null][];
  problems: string[];
}

/** Directories that this process has locked, by what the lock knows of them: it holds until the process ends, also for another one in the place of one that was removed. */
const openHere = new Set<string>();

/** Where the bytes of a log lie, and what stands beside the run's spec from its making on: another thing for a log that is copied from a host. */
export interface LogSource {
  folder(runDirectory: string): string;
  /** Its files in the order in which they were begun. */
  names(folder: string): string[];
  files: Record<string, unknown>;
}
export const localSource = ({ format, path }: FoundLog): LogSource => ({
  folder: () => (format === "tensorboard" ? path : dirname(path)), names: (folder) => (format === "tensorboard" ? eventFiles(folder) : [basename(path)]), files: {},
});

const decoderOf = ({ format }: FoundLog, columns: TextColumns): Decode =>
  format === "tensorboard" ? decodeTensorBoard : format === "csv" ? decodeCsv(columns) : decodeJsonLines(columns);

/** What a person reads where no log held any scalar. */
export const nothingFound = (paths: readonly string[], problems: readonly string[]): string =>
  `No scalars were found in ${paths.length === 1 ? paths[0]! : `${paths.length} logs`}; nothing was imported. ${problems[0] ?? ""}`.trim();

/** Reads a log once, as far as it goes now. */
export async function importOnce(home: Home, log: FoundLog, map: ColumnMapping): Promise<ImportReport> {
  const one = await LogImport.open(home, log, map);
  try {
    one.read();
  } finally {
    one.end();
  }
  return one.report;
}

export class LogImport {
  readonly log: FoundLog;
  readonly runId: string;
  readonly #runs: string;
  /** A new run's is aside until there is something to show of it. */
  #directory: string;
  readonly #source: LogSource;
  readonly #state: ImportState;
  readonly #events: RowEvents;
  readonly #decode: Decode;
  readonly #problems: string[] = [];
  readonly #before: number;

  /** Goes on with the run that an earlier import of this log made, or makes one. @throws a sentence where another process imports this log */
  static async open(home: Home, log: FoundLog, map: ColumnMapping, source = localSource(log)): Promise<LogImport> {
    const known = runOf(home.runs, log), runId = known ?? newRunId();
    const directory = known === null
      ? prepareRunDirectory(home.runs, RunSpec.parse({ name: log.name, lineage: { kind: "imported", path: log.path, format: log.format } }), { id: runId, files: source.files })
      : join(home.runs, runId);
    const { dev, ino } = statSync(directory), locked = `${dev}:${ino}`;
    if (!openHere.has(locked) && !(await lockRun(directory))) throw busy(log, runId);
    openHere.add(locked);
    return new LogImport(home, runId, directory, log, map, source);
  }

  private constructor(home: Home, runId: string, directory: string, log: FoundLog, map: ColumnMapping, source: LogSource) {
    this.#source = source;
    this.log = log;
    this.runId = runId;
    this.#runs = home.runs;
    this.#directory = directory;
    this.#state = readState(this.#directory) ?? newState();
    this.#events = new RowEvents(this.#state, new Map(Object.entries(map.metrics)), log.evaluation);
    this.#decode = decoderOf(log, map.columns);
    this.#before = this.#state.rows;
  }

  get report(): ImportReport {
    return { runId: this.runId, kept: this.#shown, added: this.#state.rows - this.#before, rows: this.#state.rows, step: this.#state.step, names: [...this.#events.names], problems: this.#problems };
  }

  get #shown(): boolean {
    return this.#directory === join(this.#runs, this.runId);
  }

  /** Makes a run of it, whether or not there is anything to show yet. @throws a sentence where another process has begun to import this log meanwhile */
  show(): void {
    if (this.#shown) return;
    const other = runOf(this.#runs, this.log);
    if (other !== null) throw busy(this.log, other);
    this.#directory = showRunDirectory(this.#runs, this.runId, this.#directory);
  }

  /** Shows the run as going, with this process as its writer. */
  begin(): void {
    this.show();
    const { attempt } = this.#state;
    writeJson(join(this.#directory, FILES.process), ProcessFile.parse({
      v: 1, attempt, pid: process.pid, startTicks: startTicks(process.pid), bootId: bootId(), host: hostname(),
      argv: ["switchyard", "import", this.log.path], startedAt: Date.now() / 1000,
    }));
    rmSync(join(this.#directory, FILES.exit), { force: true });
  }

  /** Reads what is new in all files of the log. What is not there now may come back. @throws a sentence where a file can't be read */
  read(): void {
    const folder = this.#source.folder(this.#directory);
    try {
      for (const name of this.#source.names(folder)) this.#readFile(join(folder, name), name);
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      if (path?.startsWith(folder) !== true) throw error;
      if (code !== "ENOENT") throw new Error(`${path} can't be read (${plainReason(error)}); see to it and import it again.`);
    }
  }

  /** Says that nobody reads on. Whether the trainer itself goes on is not known. Of a log that held nothing to show, nothing is left. */
  end(): void {
    if (!this.#shown) return rmSync(this.#directory, { recursive: true, force: true });
    const { attempt, step, rows } = this.#state;
    writeExit(this.#directory, {
      v: 1, attempt, reason: "stopped", code: 0, step, t: Date.now() / 1000, detail: null, by: "trainer",
      message: rows === 0 ? `Imported from ${this.log.path}, which holds no scalars yet.` : `Imported up to step ${step} from ${this.log.path}; import it again to read on.`,
    });
  }

  #readFile(path: string, name: string): void {
    const descriptor = openSync(path, "r");
    try {
      const size = fstatSync(descriptor).size, source = this.#fileState(descriptor, name, size);
      let limit = PIECE_BYTES;
      while (!source.decoder.ended && source.offset < size) {
        const bytes = Buffer.allocUnsafe(Math.min(limit, size - source.offset)), length = readSync(descriptor, bytes, 0, bytes.length, source.offset);
        const consumed = this.#store(bytes.subarray(0, length), source, path);
        if (consumed > 0) limit = PIECE_BYTES;
        else if (length === limit && limit < MAX_PIECE_BYTES) limit = MAX_PIECE_BYTES;
        else break;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #store(bytes: Buffer, source: SourceFile, path: string): number {
    const state = this.#state;
    if (state.files.indexOf(source) > 0 && source.offset === 0) this.#events.beginFile();
    const { consumed, problems } = this.#decodeSlices(bytes, source.decoder);
    if (consumed === 0 && !source.decoder.ended) return 0;
    for (const sentence of problems) {
      this.#problems.push(`${path}: ${sentence}`);
      this.#events.say("warning", `${path}: ${sentence}`.slice(0, 10_000));
    }
    source.offset += consumed;
    storePiece(this.#directory, state, this.#events.take());
    if (state.rows > 0) this.show();
    return consumed;
  }

  /** Decodes what is whole, slice by slice, and makes events of its rows. */
  #decodeSlices(bytes: Buffer, decoder: DecoderState): { consumed: number; problems: string[] } {
    const problems: string[] = [];
    let at = 0, limit = SLICE_BYTES;
    while (at < bytes.length && !decoder.ended) {
      const decoded = this.#decode(bytes.subarray(at, at + limit), decoder);
      for (const row of decoded.rows) this.#events.add(row);
      problems.push(...decoded.problems);
      at += decoded.consumed;
      if (decoded.consumed > 0) limit = SLICE_BYTES;
      else if (limit < bytes.length - at) limit = bytes.length - at;
      else break;
    }
    return { consumed: at, problems: problems.slice(0, MAX_PROBLEMS) };
  }

  /** What is known of a file. One that was cut or replaced is read anew, as another start of its trainer. */
  #fileState(descriptor: number, name: string, size: number): SourceFile {
    let source = this.#state.files.find((known) => known.name === name);
    if (!source) {
      source = { name, offset: 0, headBytes: 0, head: "", decoder: freshState() };
      this.#state.files.push(source);
    } else if (size < source.offset || headOf(descriptor, source.headBytes) !== source.head) {
      Object.assign(source, { offset: 0, headBytes: 0, decoder: freshState() });
      this.#events.restart(0);
    }
    if (source.headBytes < HEAD_BYTES) {
      source.headBytes = Math.min(HEAD_BYTES, size);
      source.head = headOf(descriptor, source.headBytes);
    }
    return source;
  }
}

function headOf(descriptor: number, length: number): string {
  const bytes = Buffer.alloc(length);
  return createHash("sha256").update(bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))).digest("hex");
}

const busy = ({ path }: FoundLog, runId: string): Error => new Error(`${path} is being imported by another process into the run ${runId}; end that one first.`);

/** The run that an earlier import of this log made. */
function runOf(runs: string, { path, format }: FoundLog): string | null {
  if (!existsSync(runs)) return null;
  return runDirectories(runs).findLast((id) => {
    // What a host says of its runs' origins is no log of this machine.
    const from = isMirror(join(runs, id)) ? null : importedFrom(readSpec(join(runs, id)));
    return from?.path === path && from.format === format;
  }) ?? null;
}
