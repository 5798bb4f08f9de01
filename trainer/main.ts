// node trainer/main.ts RUN_DIR [--steps N]: one attempt of the run in that directory, from its newest good checkpoint.
import { realpathSync } from "node:fs";
import { EXIT_CODES, RunFailure, asFailure } from "./failure.ts";
import { RunDirectory, lockRun, nextAttempt, readSpec, recordEnd, say, stepsAsked } from "./run/runDirectory.ts";
import { train } from "./train.ts";

// The launcher may be gone: its terminal and pipes must not take the run with them.
process.on("SIGHUP", () => {});
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const directory = process.argv[2];
if (!directory) {
  process.stderr.write("Usage: node trainer/main.ts RUN_DIRECTORY [--steps N]\n");
  process.exit(EXIT_CODES["spec-error"]);
}

let path = "", attempt = 0, run: RunDirectory | null = null;
/** Ends the attempt with its reason, even on a full disk or after an exception nobody caught. */
function fail(error: unknown): never {
  const failure = asFailure(error), { reason, message, cause } = failure, code = EXIT_CODES[reason];
  process.stderr.write(`${message}\n`);
  const end = { reason, code, message: message.slice(0, 4000), detail: cause instanceof Error ? cause.stack?.slice(0, 20_000) ?? null : null };
  try {
    run?.freeSpare();
    if (reason === "disk-full") run?.write({ kind: "alert", step: run.step, level: "error", code: "disk", message, stack: null, layer: null, expert: null });
  } catch { /* the end of the attempt says the same */ }
  try {
    if (run) run.end(end);
    else if (attempt > 0) recordEnd(path, { attempt, step: 0, ...end });
  } catch (last) { process.stderr.write(`The end could not be recorded: ${(last as Error).message}\n`); }
  process.exit(code);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

let stops = 0;
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => {
  if (++stops > 1) fail(new RunFailure("killed", `The trainer was told to end twice (${signal}) and did not wait for its step; resume continues from the last checkpoint.`));
});

try {
  path = folderOf(directory);
  if (!await lockRun(path)) {
    process.stderr.write("Another trainer already works in this run directory; stop it first.\n");
    process.exit(EXIT_CODES.crashed);
  }
  attempt = nextAttempt(path);
  run = new RunDirectory(path, attempt, stepsAsked(process.argv));
  const { reason, message } = await train(run, readSpec(path), () => stops > 0);
  say(message);
  run.end({ reason, code: EXIT_CODES[reason], message, detail: null });
  process.exit(EXIT_CODES[reason]);
} catch (error) { fail(error); }

function folderOf(name: string): string {
  try { return realpathSync(name); }
  catch (error) { throw new RunFailure("spec-error", `There is no run directory ${name}; make it and write spec.json there first.`, error); }
}
