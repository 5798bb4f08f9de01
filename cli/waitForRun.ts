// Waiting for a run by its directory alone, so that the home stays free for the window and other commands.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { FILES, type ExitFile } from "../contract/runDirectory.ts";
import { fromWire, type RunEvent } from "../contract/events.ts";
import { runningBackend } from "../backend/readyFile.ts";
import type { Home } from "../backend/home.ts";
import { isMirror } from "../backend/hosts/remoteFile.ts";
import { parseEventLine } from "../backend/runs/eventFile.ts";
import { processState } from "../backend/runs/processState.ts";
import { hasEnded, readExit, readProcess } from "../backend/runs/runFiles.ts";
import { settle } from "../backend/runs/settle.ts";
import { takeLock } from "../db/lock.ts";

const POLL_MILLISECONDS = 200;
const TAIL_BYTES = 64 * 1024;
/** A running backend settles a run within a second; this is long enough to leave it the first word. */
const SETTLE_MILLISECONDS = 5000;

export interface RunGlance { step: number; loss: number | null; tokensPerSecond: number | null; phase: { phase: string; done: number; total: number | null; unit: string } | null }

/** What the end of events.jsonl says. */
export function glance(directory: string): RunGlance | null {
  const events = lastEvents(join(directory, FILES.events));
  const metrics = events.findLast((event) => event.kind === "metrics");
  const last = events.findLast(({ kind }) => kind === "metrics" || kind === "progress" || kind === "evaluation" || kind === "checkpoint");
  if (!last) return null;
  const value = (name: string) => (metrics?.values[name] === undefined ? null : fromWire(metrics.values[name]));
  return { step: metrics?.step ?? 0, loss: value("loss"), tokensPerSecond: value("tokensPerSecond"), phase: last.kind === "progress" ? last : null };
}

function lastEvents(file: string): RunEvent[] {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8").split("\n").flatMap((line) => {
      const event = parseEventLine(line);
      return event === "unparsable" || event.kind === "unknown" ? [] : [event];
    });
  } finally {
    closeSync(descriptor);
  }
}

/** Resolves with the end of the attempt after `previousAttempt`. */
export async function waitForEnd(home: Home, id: string, previousAttempt: number, onGlance: (glance: RunGlance) => void): Promise<ExitFile> {
  const directory = join(home.runs, id);
  let goneSince: number | null = null;
  for (;;) {
    const exit = readExit(directory);
    const process = readProcess(directory);
    if (hasEnded(exit, process) && exit.attempt > previousAttempt) return exit;
    const seen = glance(directory);
    if (seen) onGlance(seen);
    // The process of a run on another machine is not among ours, whatever its number.
    const state = process && process.attempt > previousAttempt && !isMirror(directory) ? processState(process) : null;
    if (state === "gone" || state === "rebooted") {
      goneSince ??= performance.now();
      if (!runningBackend(home) || performance.now() - goneSince > SETTLE_MILLISECONDS) {
        const lock = takeLock(home.lock);
        try {
          // Under the lock nobody else settles it at the same time.
          const late = readExit(directory);
          if (lock && !(hasEnded(late, process) && late.attempt > previousAttempt))
            return settle(directory, { attempt: process!.attempt, step: seen?.step ?? 0, code: null, signal: null, cause: state });
        } finally {
          lock?.release();
        }
      }
    }
    await wait(POLL_MILLISECONDS);
  }
}
