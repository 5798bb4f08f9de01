// The numbers of a comparison: each metric of each run at one place, and its difference from a baseline.
import type { RunSummary, Series } from "../../contract/handlers.ts";
import { fromWire } from "../../contract/events.ts";
import { metricDefinition, type Target } from "../../contract/metrics.ts";
import { bareQuantity, isShare, quantity, shortNumber } from "../charts/quantity.ts";

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

export interface Cell { value: number | null; difference: number | null; verdict: "better" | "worse" | "same" | "other task" | null }

/** One metric's row: the difference of each run from the baseline, and whether it is for the better. A loss on another task is neither better nor worse. */
export function cells(name: string, values: readonly (number | null)[], baseline: number, differences: readonly Difference[]): Cell[] {
  const base = values[baseline] ?? null, isLoss = name === "loss" || name === "evaluation.loss";
  const { better } = metricDefinition(name);
  return values.map((value, index) => {
    const difference = index === baseline || value === null || base === null ? null : value - base;
    const verdict = difference === null || better === undefined || Number.isNaN(difference) ? null : isLoss && !sameTask(differences, baseline, index) ? "other task"
      : difference === 0 ? "same" : difference > 0 === (better === "higher") ? "better" : "worse";
    return { value, difference, verdict };
  });
}

/** What a loss is measured on. */
const TASK = /^data\.(source|tokenizer|objective|corruptionRate|meanSpanLength)(\.|$)/;
const sameTask = (differences: readonly Difference[], one: number, other: number): boolean =>
  differences.every(({ path, values }) => !TASK.test(path) || JSON.stringify(values[one]) === JSON.stringify(values[other]));

/** "+0.21", "−1.2 points": a difference with its sign. That of two shares is in percentage points. */
export function differenceText(difference: number, unit: string): string {
  const size = isShare(unit) ? `${shortNumber(Math.abs(difference) * 100, 3)} points` : shortNumber(Math.abs(difference), 3);
  return `${difference > 0 ? "+" : difference < 0 ? "−" : "±"}${size}`;
}

export interface Difference { path: string; values: readonly unknown[] }

/** As differences are read: a dense run has none of the fields of experts, which one row says for all of them; the others stand where runs with experts differ. */
export function readable(differences: readonly Difference[]): Difference[] {
  const sparse = (path: string) => path.startsWith("model.sparse.");
  const ofExperts = differences.filter(({ path }) => sparse(path)), missing = (value: unknown) => value === undefined || value === null;
  const dense = (ofExperts[0]?.values ?? []).map((_, run) => ofExperts.every(({ values }) => missing(values[run])));
  if (ofExperts.length < 2 || !dense.includes(true)) return [...differences];
  const count = ofExperts.find(({ path }) => path === "model.sparse.experts");
  return differences.flatMap((difference): Difference[] => {
    if (difference === ofExperts[0]) return [{ path: "model.sparse", values: dense.map((isDense, run) => (isDense ? "none: dense" : count ? `${String(count.values[run])} experts` : "with experts")) }, ...(differsBesides(difference, dense) ? [difference] : [])];
    return sparse(difference.path) && !differsBesides(difference, dense) ? [] : [difference];
  });
}
const differsBesides = ({ values }: Difference, dense: readonly boolean[]): boolean => new Set(values.filter((_, run) => !dense[run]).map((value) => JSON.stringify(value))).size > 1;

export interface Comparison {
  runs: readonly RunSummary[];
  /** Index of the run that differences are measured from. */
  baseline: number;
  /** What the baseline predicts: it decides the units. */
  target: Target;
  /** Where the values are read: "newest", "at equal steps, at 400 steps". */
  place: string;
  metrics: readonly { name: string; cells: readonly Cell[] }[];
  differences: readonly Difference[];
}
export interface Table { head: string[]; rows: string[][] }

const UNITS = { step: "steps", tokens: "tokens", time: "s" } as const;

/** How far all runs have come: "12.8k tokens"; null where values are read at no such place. */
export const reachText = (place: Place, end: number | null): string | null => (place in UNITS && end !== null ? quantity(end, UNITS[place as keyof typeof UNITS]) : null);
/** "newest", "at equal tokens: 12.8k tokens". */
export function placeText(place: Place, end: number | null): string {
  const reach = reachText(place, end);
  return reach === null ? PLACE_NAMES[place] : `${PLACE_NAMES[place]}: ${reach}`;
}

const metricTitle = (name: string, target: Target): string => {
  const { label, unit } = metricDefinition(name, target);
  return unit ? `${label} (${unit})` : label;
};
const specText = (value: unknown): string => (value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value));
export const stateText = ({ status, step }: Pick<RunSummary, "status" | "step">): string => `${status}, step ${step.toLocaleString("en")}`;

const tableOf = ({ runs, place, differences }: Comparison, metricRows: string[][]): Table => ({
  head: [`values: ${place}`, ...runs.map(({ name }) => name)],
  rows: [["state", ...runs.map(stateText)], ...metricRows, ...differences.map(({ path, values }) => [path, ...values.map(specText)])],
});

/** To be read: each value as on the screen, its difference in brackets. */
export const readableTable = (comparison: Comparison): Table => tableOf(comparison, comparison.metrics.map(({ name, cells: row }) => {
  const { unit } = metricDefinition(name, comparison.target);
  return [metricTitle(name, comparison.target), ...row.map(({ value, difference }) => (value === null ? "" : `${bareQuantity(value, unit)}${difference === null ? "" : ` (${differenceText(difference, unit)})`}`))];
}));

/** To be calculated with: exact values, and the differences in rows of their own. */
export const exactTable = (comparison: Comparison): Table => tableOf(comparison, comparison.metrics.flatMap(({ name, cells: row }) => [
  [metricTitle(name, comparison.target), ...row.map(({ value }) => (value === null ? "" : String(value)))],
  [`${metricTitle(name, comparison.target)}, difference from ${comparison.runs[comparison.baseline]!.name}`, ...row.map(({ difference }) => (difference === null ? "" : String(difference)))],
]));

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
