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
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Finds the reason of any error. The engine writes files itself and reports a full disk in words. */
export function asFailure(error: unknown): RunFailure {
  if (error instanceof RunFailure) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  const message = error instanceof Error ? error.message : String(error);
  if (FULL.has(code) || /no space left|disk (is )?full|ENOSPC/i.test(message))
    return new RunFailure("disk-full", "The disk with the run is full; free some space and resume from the last checkpoint.", error);
  if (/\bcuda\b|device|out of memory|can't allocate memory/i.test(message)) return new RunFailure("device-error", message, error);
  return new RunFailure("crashed", `The trainer failed unexpectedly: ${message}`, error);
}
