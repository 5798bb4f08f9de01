// node trainer/main.ts RUN_DIR [--steps N]: one attempt of the run in that directory, from its newest good checkpoint.
import { realpathSync } from "node:fs";
import { EXIT_CODES, asFailure } from "./failure.ts";
import { RunDirectory, lockRun, readSpec, say, stepsAsked } from "./run/runDirectory.ts";
import { train } from "./train.ts";

// The launcher may be gone: its terminal and pipes must not take the run with them.
process.on("SIGHUP", () => {});
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
let stops = 0;
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => { if (++stops > 1) process.exit(EXIT_CODES.killed); });

const directory = process.argv[2];
if (!directory) {
  process.stderr.write("Usage: node trainer/main.ts RUN_DIRECTORY [--steps N]\n");
  process.exit(EXIT_CODES["spec-error"]);
}
const path = realpathSync(directory);
if (!await lockRun(path)) {
  process.stderr.write("Another trainer already works in this run directory; stop it first.\n");
  process.exit(EXIT_CODES.crashed);
}

let run: RunDirectory | null = null;
/** Ends the attempt with its reason, even on a full disk or after an exception nobody caught. */
function fail(error: unknown): never {
  const failure = asFailure(error);
  process.stderr.write(`${failure.message}\n`);
  try {
    run?.freeSpare();
    const cause = failure.cause instanceof Error ? failure.cause.stack ?? null : null;
    run?.end({ reason: failure.reason, code: EXIT_CODES[failure.reason], message: failure.message.slice(0, 4000), detail: cause?.slice(0, 20_000) ?? null });
  } catch (last) { process.stderr.write(`The end could not be recorded: ${(last as Error).message}\n`); }
  process.exit(EXIT_CODES[failure.reason]);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

try {
  run = new RunDirectory(path, stepsAsked(process.argv));
  const { reason, message } = await train(run, readSpec(path), () => stops > 0);
  say(message);
  run.end({ reason, code: EXIT_CODES[reason], message, detail: null });
  process.exit(EXIT_CODES[reason]);
} catch (error) { fail(error); }
