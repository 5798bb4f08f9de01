// Why an attempt ended badly, in words for the person; main.ts turns it into exit.json.
import type { ExitReason } from "../contract/runDirectory.ts";

export class RunFailure extends Error {
  readonly reason: ExitReason;
  /** @param message one sentence: what happened, to what, what to do. */
  constructor(reason: ExitReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RunFailure";
    this.reason = reason;
  }
}

/** Exit code of the process by reason; 0 where the run did what was asked of it. */
export const EXIT_CODES: Record<ExitReason, number> = {
  completed: 0, stopped: 0, crashed: 1, "spec-error": 2, "data-error": 3, "device-error": 4, "checkpoint-error": 5,
  "disk-full": 6, "non-finite": 7, killed: 8,
};
/** "disk-full", "memory", "device" and "checkpoint" are the engine's own codes. */
const FULL = new Set(["ENOSPC", "EDQUOT", "disk-full"]);
const UNWRITABLE: Record<string, string> = { EACCES: "permission denied", EPERM: "permission denied", EROFS: "the disk is read-only", ENOTDIR: "a file stands where a folder should be", EEXIST: "a file stands where a folder should be" };

/** A stop that was asked for while there is nothing to save yet. */
export class StopAsked extends Error {}

/** Finds the reason of any error. The engine writes files itself and says in the cause what the system answered. */
export function asFailure(error: unknown): RunFailure {
  if (error instanceof RunFailure) return error;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const message = error instanceof Error ? error.message : String(error);
  const detail = error instanceof Error && typeof error.cause === "string" ? error.cause : "";
  if (FULL.has(code) || /no space left|disk (is )?full|disk quota|ENOSPC|EDQUOT/i.test(`${message}\n${detail}`))
    return new RunFailure("disk-full", "The disk with the run is full; free some space and resume from the last checkpoint.", error);
  if (code === "EFBIG" || /file too large|EFBIG/i.test(message))
    return new RunFailure("disk-full", "A file of the run would grow beyond the size that this process may write; raise the limit (ulimit -f) and resume from the last checkpoint.", error);
  if (code in UNWRITABLE)
    return new RunFailure("crashed", `${path ?? "A file of the run"} can't be written or read (${UNWRITABLE[code]}); check who owns the run's folder, then resume.`, error);
  if (code === "memory" || code === "device") return new RunFailure("device-error", message, error);
  if (code === "checkpoint") return new RunFailure("checkpoint-error", message, error);
  return new RunFailure("crashed", `The trainer failed unexpectedly: ${message}`, error);
}
