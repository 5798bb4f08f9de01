// The job of an engine that a run is, as far as a person should know of it.
import { cleanOutput } from "../runs/output.ts";
import type { Push } from "./agentMessages.ts";

/** Why it waits, or that its engine can't be asked: a sentence; null where all is well, and where the run's own end tells the rest. */
export function jobNote({ engine, id, state, over, reason, problem }: NonNullable<Push["job"]>, host: string): string | null {
  if (problem !== null) return `How its job does is not known now: ${cleanOutput(problem)}`;
  const name = `${cleanOutput(engine)} job ${cleanOutput(id)} on ${host}`, why = cleanOutput(reason);
  if (state === "PENDING") return `${name} waits for its turn${why === "" ? "" : `: ${why}`} (PENDING).`;
  return over || state === "RUNNING" || state === "COMPLETING" ? null : `${name} is not running (${cleanOutput(state)}${why === "" ? "" : `: ${why}`}).`;
}
