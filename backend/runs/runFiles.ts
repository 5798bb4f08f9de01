// The files of one run directory, by what they mean.
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RunSpec, type RunSpec as Spec } from "../../contract/runSpec.ts";
import {
  ControlFile, ExitFile, FILES, HeartbeatFile, ProcessFile, RunId, type ControlVerb,
} from "../../contract/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";
import { readJson } from "../../trainer/run/jsonFile.ts";

export const readSpec = (directory: string): Spec | null => readJson(join(directory, FILES.spec), RunSpec);
export const readProcess = (directory: string): ProcessFile | null => readJson(join(directory, FILES.process), ProcessFile);
export const readExit = (directory: string): ExitFile | null => readJson(join(directory, FILES.exit), ExitFile);
export const readHeartbeat = (directory: string): HeartbeatFile | null => readJson(join(directory, FILES.heartbeat), HeartbeatFile);
export const writeExit = (directory: string, exit: ExitFile): void => writeJson(join(directory, FILES.exit), ExitFile.parse(exit));

const controlFile = (directory: string, verb: ControlVerb) => join(directory, FILES.control, `${verb}.json`);

/** Asks the trainer for something. */
export function requestControl(directory: string, verb: ControlVerb): void {
  mkdirSync(join(directory, FILES.control), { recursive: true, mode: 0o700 });
  writeJson(controlFile(directory, verb), ControlFile.parse({ v: 1, verb, t: Date.now() / 1000 }));
}
export const controlRequested = (directory: string, verb: ControlVerb): boolean => existsSync(controlFile(directory, verb));
export const withdrawControl = (directory: string, verb: ControlVerb): void => rmSync(controlFile(directory, verb), { force: true });

/** Whether the newest attempt is over: exit.json belongs to it. */
export const hasEnded = (exit: ExitFile | null, process: ProcessFile | null): exit is ExitFile => exit !== null && exit.attempt >= (process?.attempt ?? 0);

/** Run directories in a folder, by id, oldest first. A link or a stray folder is none. */
export function runDirectories(runs: string): string[] {
  return readdirSync(runs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && RunId.safeParse(entry.name).success)
    .map(({ name }) => name)
    .sort();
}

export const isRunDirectory = (directory: string): boolean => {
  try {
    return lstatSync(directory).isDirectory();
  } catch {
    return false;
  }
};

/** Unix seconds of a run's making, which a UUIDv7 carries in its first 48 bits. */
export const creationTime = (id: string): number => parseInt(id.replaceAll("-", "").slice(0, 12), 16) / 1000;
