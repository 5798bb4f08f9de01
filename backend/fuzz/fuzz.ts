// Rounds of a fuzzer, each from a seed of its own, until the time is up; memory must not grow with them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { onSlowQuery } from "../../db/slowQueries.ts";
import { fuzzEventFiles, fuzzTextLogs } from "./decoders.ts";
import { EventsFuzz } from "./events.ts";
import { fuzzFrames } from "./frames.ts";

interface Fuzzer { round(seed: number): void; end(): void }
const simple = (round: (seed: number) => void) => (): Fuzzer => ({ round, end: () => {} });

export const FUZZERS: Record<string, (folder: string) => Fuzzer> = {
  "event-files": simple(fuzzEventFiles),
  "text-logs": simple(fuzzTextLogs),
  frames: simple(fuzzFrames),
  events: (folder) => new EventsFuzz(folder),
};

export interface FuzzOutcome {
  rounds: number; milliseconds: number;
  /** Memory of the process at the end beyond that after the first rounds. */
  grownMiB: number;
  /** What went wrong, and the seed that shows it again. */
  failure: string | null; failedSeed: number | null;
}

/** Rounds in which caches fill and code is compiled. */
const FIRST_ROUNDS = 200;
const MOST_GROWTH_MIB = 64;

export function fuzz(name: string, { seed, rounds, milliseconds }: { seed: number; rounds: number; milliseconds: number }): FuzzOutcome {
  onSlowQuery(() => {});
  const folder = mkdtempSync(join(tmpdir(), "switchyard-fuzz-")), fuzzer = FUZZERS[name]!(folder);
  let done = 0, before = memory(), failure: string | null = null, failedSeed: number | null = null;
  const began = performance.now();
  try {
    for (; done < rounds && performance.now() - began < milliseconds; done++) {
      failedSeed = seed + done;
      fuzzer.round(seed + done);
      if (done === FIRST_ROUNDS) before = memory();
    }
    failedSeed = null;
  } catch (error) {
    failure = (error as Error).stack ?? String(error);
  }
  const grownMiB = Math.round((memory() - before) / 2 ** 20);
  if (failure === null && grownMiB > MOST_GROWTH_MIB) failure = `Memory grew by ${grownMiB} MiB in ${done} rounds.`, failedSeed = seed;
  fuzzer.end();
  rmSync(folder, { recursive: true });
  return { rounds: done, milliseconds: performance.now() - began, grownMiB, failure, failedSeed };
}

/** Bytes in use in and beside the heap, without what nobody refers to. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
