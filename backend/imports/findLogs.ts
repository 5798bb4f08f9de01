// What lies at a path: which logs, of which format, each of which becomes one run.
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { LogFormat } from "../../contract/runSpec.ts";
import { MAX_LINE_BYTES } from "./logDecoder.ts";
import { parsePythonJson } from "./textRows.ts";

/** One log: the files of a folder that belong to one trainer, or one file. */
export interface FoundLog {
  format: LogFormat;
  /** Real path of the folder or file; by it an import goes on with the run that an earlier one made. */
  path: string;
  name: string;
  /** A folder of evaluations, by its name. */
  evaluation: boolean;
}

const EVENT_FILE = /(^|\.)tfevents\./;
const EVALUATION_FOLDER = /^(eval|evaluation|validation|val|test|training_eval|inference_eval)$/;
/** How deep a folder is searched, and for how many logs: somebody may name the root of a disk. */
const MAX_DEPTH = 8;
const MAX_FOLDERS = 20_000;
const MAX_LOGS = 1000;

/** Event files of a folder in the order in which they were begun: the writers put the Unix time behind "tfevents.". */
export function eventFiles(folder: string): string[] {
  const begun = (name: string) => Number(/tfevents\.(\d{1,12})/.exec(name)?.[1] ?? 0);
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && EVENT_FILE.test(entry.name)).map(({ name }) => name)
    .sort((a, b) => begun(a) - begun(b) || (a < b ? -1 : 1));
}

/** @throws a sentence where there is nothing to import. */
export function findLogs(given: string, format: LogFormat | null): FoundLog[] {
  let path: string;
  try {
    path = realpathSync(given);
  } catch {
    throw new Error(`There is no file or folder "${given}"; give the folder of a run's logs, or a log file.`);
  }
  if (statSync(path).isFile() && !EVENT_FILE.test(basename(path))) return [{ format: format ?? formatOf(path), path, name: basename(path), evaluation: false }];
  const root = statSync(path).isFile() ? dirname(path) : path;
  const logs = format === null || format === "tensorboard" ? eventFolders(root) : [];
  if (logs.length === 0) throw new Error(`The folder ${root} holds no TensorBoard event files; for a JSONL or CSV log give the file itself.`);
  return logs;
}

function eventFolders(root: string): FoundLog[] {
  const found: FoundLog[] = [], waiting: { folder: string; depth: number }[] = [{ folder: root, depth: 0 }];
  for (let looked = 0; waiting.length > 0 && looked < MAX_FOLDERS; looked++) {
    const { folder, depth } = waiting.shift()!;
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      continue;
    }
    const parts = relative(root, folder).split("/").filter((part) => part !== "");
    if (entries.some((entry) => entry.isFile() && EVENT_FILE.test(entry.name))) {
      if (found.length === MAX_LOGS) throw new Error(`The folder ${root} holds more than ${MAX_LOGS} logs; give a folder further down.`);
      found.push({
        format: "tensorboard", path: folder, name: [basename(root), ...parts].join("/").slice(-200),
        evaluation: [basename(root), ...parts].some((part) => EVALUATION_FOLDER.test(part)),
      });
    }
    if (depth < MAX_DEPTH) for (const entry of entries) if (entry.isDirectory()) waiting.push({ folder: join(folder, entry.name), depth: depth + 1 });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** By the names of its folders. */
export const isEvaluation = (path: string): boolean => path.split("/").some((part) => EVALUATION_FOLDER.test(part));

/** The format of a text log, from its first line. @param called what a person calls the file @throws a sentence */
export function formatOf(file: string, called = file): LogFormat {
  const bytes = Buffer.alloc(MAX_LINE_BYTES), descriptor = openSync(file, "r");
  let length: number;
  try {
    length = readSync(descriptor, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(descriptor);
  }
  const end = bytes.subarray(0, length).indexOf("\n");
  if (end < 0 && length < bytes.length) throw new Error(`${called} holds no whole line yet; import it again once its trainer has written one.`);
  const line = bytes.toString("utf8", 0, end < 0 ? length : end).trim();
  if (line.startsWith("{"))
    try {
      const first = parsePythonJson(line) as object;
      // MaxText's write_metrics_locally adds "run_name" to its metrics.
      return "run_name" in first && Object.keys(first).some((key) => /^(learning|perf)\//.test(key)) ? "maxtext" : "jsonl";
    } catch {
      throw new Error(`The first line of ${called} begins like JSON and is none; a JSONL log has one object a line.`);
    }
  if (line.includes(",") && !line.includes("\uFFFD")) return "csv";
  throw new Error(`${called} is no log that can be imported: neither a TensorBoard event file, JSON lines nor CSV. Name the format with --format if it is one.`);
}
