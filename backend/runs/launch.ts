// Starting trainers. A trainer is detached: it outlives the backend and is found again by its directory.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomBytes } from "node:crypto";
import { FILES } from "../../contract/runDirectory.ts";
import { argumentsOf, type Asked } from "../../contract/asked.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { writeJson } from "../atomicFile.ts";
import { readProcess, withdrawControl } from "./runFiles.ts";
import type { Launching } from "./follower.ts";

const TRAINER = fileURLToPath(new URL("../../trainer/main.ts", import.meta.url));

/** A new UUIDv7: 48 bits of Unix milliseconds, then random bits, so that ids sort by time. */
export function newRunId(now = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Begins the name of a run directory that is being made. */
export const UNFINISHED = ".new-";

interface NewRun { id?: string; files?: Record<string, unknown> }

/** Makes the directory of a new run with its spec, and further files of JSON; it appears with all of them or not at all. Returns the id. */
export function createRunDirectory(runs: string, spec: RunSpec, { id = newRunId(), files = {} }: NewRun = {}): string {
  showRunDirectory(runs, id, prepareRunDirectory(runs, spec, { id, files }));
  return id;
}

/** The same, of a run that is none before `showRunDirectory`. Returns the directory until then. */
export function prepareRunDirectory(runs: string, spec: RunSpec, { id, files = {} }: NewRun & { id: string }): string {
  const aside = join(runs, UNFINISHED + id);
  return orNothing(aside, () => {
    mkdirSync(join(aside, FILES.control), { recursive: true, mode: 0o700 });
    writeJson(join(aside, FILES.spec), spec);
    for (const [name, value] of Object.entries(files)) writeJson(join(aside, name), value);
    return aside;
  });
}

/** Returns its directory from now on. */
export function showRunDirectory(runs: string, id: string, aside: string): string {
  const directory = join(runs, id);
  return orNothing(aside, () => {
    renameSync(aside, directory);
    return directory;
  });
}

function orNothing(aside: string, work: () => string): string {
  try {
    return work();
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Starts the trainer of a run directory, for the first time or to go on from its newest checkpoint.
 * @param asked what is to be otherwise than in the spec.
 * @param departed called once when the process ends while this process still lives, or could not be started.
 */
export function launchTrainer(directory: string, asked: Asked, departed: () => void, program: readonly string[] = [process.execPath, TRAINER]): Launching {
  withdrawControl(directory, "stop");
  withdrawControl(directory, "checkpoint");
  const launching: Launching = { previousAttempt: readProcess(directory)?.attempt ?? 0, departed: null };
  const log = openSync(join(directory, FILES.log), "a", 0o600);
  try {
    const [command, ...args] = program as [string, ...string[]];
    const child = spawn(command, [...args, directory, ...argumentsOf(asked)], {
      detached: true, stdio: ["ignore", log, log], cwd: directory,
    });
    child.once("error", () => {
      launching.departed ??= { code: 127, signal: null };
      departed();
    });
    child.once("exit", (code, signal) => {
      launching.departed ??= { code, signal };
      departed();
    });
    child.unref();
  } finally {
    closeSync(log);
  }
  return launching;
}
