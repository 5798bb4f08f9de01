// One row of the table that `npm run bench` writes: two things measured side by side, in turn, on the same machine.
export interface BenchRow {
  /** What was measured, for example "open a run, 10 million points". */
  benchmark: string;
  measured: number;
  /** What it is held against. */
  against: string;
  reference: number;
  unit: string;
  /** How the two were measured. */
  method: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that `work` takes. */
export async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
