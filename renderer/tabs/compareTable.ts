// The numbers of a comparison: each metric of each run at one place, and its difference from a baseline.
import type { RunSummary, Series } from "../../contract/handlers.ts";
import { fromWire } from "../../contract/events.ts";
import { metricDefinition } from "../../contract/metrics.ts";
import { bareQuantity, percent, shortNumber } from "../charts/quantity.ts";

export const PLACES = ["last", "min", "max", "step", "tokens", "time"] as const;
/** Where a metric is read: newest, least, greatest, or where all runs have come to in steps, tokens or seconds of training. */
export type Place = (typeof PLACES)[number];
export const PLACE_NAMES: Record<Place, string> = {
  last: "newest", min: "least", max: "greatest", step: "at equal steps", tokens: "at equal tokens", time: "at equal time",
};
export const COMPARED = ["loss", "evaluation.loss", "droppedFraction", "overload", "tokensPerSecond"] as const;

const columnOf = (series: Series, place: "step" | "tokens" | "time"): readonly number[] => (place === "time" ? series.seconds : series[place]);

/** The last value recorded at or before `x`; null before the first. */
export function valueBefore(series: Series, place: "step" | "tokens" | "time", x: number): number | null {
  const column = columnOf(series, place);
  let found: number | null = null;
  for (let i = 0; i < column.length && column[i]! <= x; i++) found = fromWire(series.last[i]!);
  return found;
}

/** How far every one of the series has come; null when one has nothing. */
export function commonEnd(all: readonly (Series | undefined)[], place: "step" | "tokens" | "time"): number | null {
  let end = Infinity;
  for (const series of all) {
    const column = series ? columnOf(series, place) : [];
    if (column.length === 0) return null;
    end = Math.min(end, column.at(-1)!);
  }
  return Number.isFinite(end) ? end : null;
}

export function summaryValue(run: RunSummary, name: string, place: "last" | "min" | "max"): number | null {
  const summary = run.metrics[name];
  return summary ? fromWire(summary[place]) : null;
}

export interface Cell { value: number | null; difference: number | null; verdict: "better" | "worse" | "same" | null }

/** One metric's row: the difference of each run from the baseline, and whether it is for the better. */
export function cells(name: string, values: readonly (number | null)[], baseline: number): Cell[] {
  const base = values[baseline] ?? null;
  const { better } = metricDefinition(name);
  return values.map((value, index) => {
    const difference = index === baseline || value === null || base === null ? null : value - base;
    const verdict = difference === null || better === undefined || Number.isNaN(difference) ? null : difference === 0 ? "same" : difference > 0 === (better === "higher") ? "better" : "worse";
    return { value, difference, verdict };
  });
}

/** "+0.21", "−1.2%": a difference with its sign. */
export function differenceText(difference: number, unit: string): string {
  const size = unit.startsWith("of ") ? percent(Math.abs(difference)) : shortNumber(Math.abs(difference), 3);
  return `${difference > 0 ? "+" : difference < 0 ? "−" : "±"}${size}`;
}

export interface Table { head: string[]; rows: string[][] }

export function tableOf(runs: readonly RunSummary[], metrics: readonly { name: string; cells: readonly Cell[] }[], differences: readonly { path: string; values: readonly unknown[] }[]): Table {
  return {
    head: ["", ...runs.map(({ name }) => name)],
    rows: [
      ...metrics.map(({ name, cells: row }) => {
        const { label, unit } = metricDefinition(name);
        return [unit ? `${label} (${unit})` : label, ...row.map(({ value, difference }) => (value === null ? "" : `${bareQuantity(value, unit)}${difference === null ? "" : ` (${differenceText(difference, unit)})`}`))];
      }),
      ...differences.map(({ path, values }) => [path, ...values.map((value) => (value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value)))]),
    ],
  };
}

export const asMarkdown = ({ head, rows }: Table): string => {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
};

/** RFC 4180; a cell that a spreadsheet would take for a formula is made text. */
export const asCsv = ({ head, rows }: Table): string =>
  [head, ...rows].map((row) => row.map((cell) => {
    const safe = /^[=@\t\r]|^[+-](?![\d.])/.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }).join(",")).join("\r\n");
