// The benchmarks' rows as text: for the terminal, and for docs/performance.md.
import type { BenchRow } from "./benchRow.ts";

const number = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));

/** How many times better the measured one is: more of a rate, less of a time. */
export const ratio = ({ measured, reference, unit }: BenchRow): number => (unit.endsWith("/s") ? measured / reference : reference / measured);

export function markdownTable(rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => `| ${row.benchmark} | ${number(row.measured)} ${row.unit} | ${row.against} | ${number(row.reference)} ${row.unit} | ${ratio(row).toFixed(2)}× |`);
  return ["| benchmark | measured | against | reference | better by |", "| --- | ---: | --- | ---: | ---: |", ...lines].join("\n");
}

/** The methods, each once. */
export const methods = (rows: readonly BenchRow[]): string =>
  [...new Set(rows.map(({ method }) => method))].map((method) => `- ${rows.find((row) => row.method === method)!.benchmark}: ${method}.`).join("\n");
