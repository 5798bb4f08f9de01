// One attempt of a run in this process, from its first event to its last word.
import type { Asked } from "../contract/asked.ts";
import { EXIT_CODES, RunFailure, asFailure } from "./failure.ts";
import type { MeshLink } from "./mesh/messages.ts";
import { RunDirectory, readSpec, recordEnd, say, type Owner } from "./run/runDirectory.ts";
import { train } from "./train.ts";

export interface AttemptOptions {
  path: string; attempt: number;
  asked: Asked;
  /** The process that stands for the run. */
  owner: Owner;
  /** The other ranks; null where this process trains alone. */
  mesh: MeshLink | null;
}

/** Ends a process with its reason, even on a full disk or after an exception nobody caught. */
export class EndOfAttempt {
  path = "";
  attempt = 0;
  run: RunDirectory | null = null;
  mesh: MeshLink | null = null;

  fail = (error: unknown): never => {
    const failure = asFailure(error), { reason, message, cause } = failure, code = EXIT_CODES[reason];
    process.stderr.write(`${message}\n`);
    const end = { reason, code, message: message.slice(0, 4000), detail: cause instanceof Error ? cause.stack?.slice(0, 20_000) ?? null : null };
    try {
      this.run?.freeSpare();
      if (reason === "disk-full") this.run?.write({ kind: "alert", step: this.run.step, level: "error", code: "disk", message, stack: null, layer: null, expert: null });
    } catch { /* the end of the attempt says the same */ }
    try {
      if (this.run) this.run.end(end);
      else if (this.attempt > 0) recordEnd(this.path, { attempt: this.attempt, step: 0, ...end });
    } catch (last) { process.stderr.write(`The end could not be recorded: ${(last as Error).message}\n`); }
    process.exit(code);
  };
}

/** Runs the attempt to its end and exits. A first stop signal saves and ends, a second ends at once. */
export async function runAttempt(ending: EndOfAttempt, { path, attempt, asked, owner, mesh }: AttemptOptions): Promise<never> {
  let stops = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => {
    if (++stops > 1) ending.fail(new RunFailure("killed", `The trainer was told to end twice (${signal}) and did not wait for its step; resume continues from the last checkpoint.`));
  });
  const run = new RunDirectory(path, attempt, asked, owner);
  ending.run = run;
  try {
    const { reason, message } = await train(run, readSpec(path, asked), () => stops > 0, mesh);
    say(message);
    run.end({ reason, code: EXIT_CODES[reason], message, detail: null });
    process.exit(EXIT_CODES[reason]);
  } catch (error) {
    // The rank that is gone is named by the supervisor, which ends this process.
    if (mesh && (error as NodeJS.ErrnoException).code === "mesh") return mesh.lost(error);
    return ending.fail(error);
  }
}
