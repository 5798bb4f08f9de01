// What two ranks of one machine send each other: through shared memory, and over Gloo.
import type { BenchRow } from "./benchRow.ts";
import { benchProgram } from "./nativeProgram.ts";

export function collectives(rounds = 15): BenchRow[] {
  const found = benchProgram("collectives_bench")([String(rounds)]) as Record<string, { shared: number; gloo: number }>;
  return Object.entries(found).map(([name, { shared, gloo }]) => ({
    benchmark: `${name}, 2 ranks, shared memory`, measured: shared, against: "Gloo over loopback", reference: gloo, unit: "ms",
    method: `median of ${rounds} in turn, each rank a process of one thread`,
  }));
}
