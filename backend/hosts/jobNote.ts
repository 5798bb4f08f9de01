// The job of Slurm that a run is, as far as a person should know of it.
import { cleanOutput } from "../runs/output.ts";
import type { Push } from "./agentMessages.ts";

/** States of a job that goes, and of one whose end the run's own end tells. */
const NO_NOTE = /^(RUNNING|COMPLETING|BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|REVOKED|TIMEOUT|unknown)$/;

/** Why it waits, or that Slurm can't be asked: a sentence; null where all is well. */
export function jobNote({ id, state, reason, problem }: NonNullable<Push["job"]>, host: string): string | null {
  if (problem !== null) return `How its job does is not known now: ${cleanOutput(problem)}`;
  const name = `Slurm job ${cleanOutput(id)} on ${host}`, why = cleanOutput(reason);
  if (state === "PENDING") return `${name} waits for its turn${why === "" ? "" : `: ${why}`} (PENDING).`;
  return NO_NOTE.test(state) ? null : `${name} is not running (${cleanOutput(state)}${why === "" ? "" : `: ${why}`}).`;
}
