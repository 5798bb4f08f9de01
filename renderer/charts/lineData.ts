// The lines of a chart put together: as a table by step, as facts for the summary, and the steps of a place on the x axis.
import { indexAtOrBefore, nearestIndex, xColumn, type Columns, type XAxis } from "./bucketSeries.ts";
import type { LineSource } from "./bucketLine.ts";
import { counted } from "./quantity.ts";
import { lineFacts, type LineFacts } from "./summary.ts";
import type { DataTable } from "./table.ts";

export interface Line {
  key: string;
  name: string;
  colour: string;
  dash: readonly number[];
  source: LineSource;
  /** Few values far apart, such as evaluations: dots. */
  dots?: boolean;
  /** Where the lines of a chart measure different things: what this one measures. */
  label?: string;
  /** Its run may still record values. */
  going?: boolean;
}

/** As a legend, a tip and a table call the lines: by run or layer, or, where all are of one run, by what each measures. */
export function toldApart(lines: readonly Line[], label: string): Line[] {
  if (lines.length < 2 || lines.filter((line) => !line.label).length !== 1) return [...lines];
  return lines.map(({ label: own = label, ...line }) => ({ ...line, name: own }));
}

export const allFacts = (lines: readonly Line[]): LineFacts[] =>
  lines.flatMap(({ name, source: { columns } }) => lineFacts(name, columns.step, columns.last, columns.min, columns.max, columns.length) ?? []);

/** All lines side by side, one row a step that any of them has; least and greatest where buckets hold several rows. */
export function linesTable(lines: readonly Line[], unit: string): DataTable {
  const steps = new Set<number>();
  for (const { source: { columns } } of lines) for (let i = 0; i < columns.length; i++) steps.add(columns.step[i]!);
  const sorted = [...steps].sort((a, b) => a - b);
  const banded = lines.map(({ source: { columns } }) => {
    for (let i = 0; i < columns.length; i++) if (columns.max[i]! > columns.min[i]!) return true;
    return false;
  });
  const coarsest = Math.max(0, ...lines.filter((_, l) => banded[l]).map(({ source: { columns } }) => stepsPerBucket(columns)));
  const at = lines.map(({ source: { columns } }) => new Map(Array.from({ length: columns.length }, (_, i) => [columns.step[i]!, i] as const)));
  return {
    columns: [{ name: "step" }, ...lines.flatMap(({ name, label }, l) => {
      const title = label ? `${name}, ${label}` : name;
      return banded[l] ? [{ name: title, unit }, { name: `${title}, least`, unit }, { name: `${title}, greatest`, unit }] : [{ name: title, unit }];
    })],
    rows: sorted.map((step) => [step, ...lines.flatMap(({ source: { columns } }, l) => {
      const i = at[l]!.get(step);
      if (i === undefined) return banded[l] ? [null, null, null] : [null];
      return banded[l] ? [columns.last[i]!, columns.min[i]!, columns.max[i]!] : [columns.last[i]!];
    })]),
    ...(coarsest > 0 && { note: `A row is the last step of a bucket of about ${counted(coarsest, "step")}; “Export metrics” has every step.` }),
  };
}

const stepsPerBucket = ({ step, length }: Columns): number =>
  length > 1 ? Math.round((step[length - 1]! - step[0]!) / (length - 1)) : 1;

/** The line with the most values: the pointer and the arrow keys move along it. */
export function leadLine(lines: readonly Line[]): Line | null {
  return lines.reduce<Line | null>((lead, line) => (line.source.columns.length > (lead?.source.columns.length ?? 0) ? line : lead), null);
}

/** The recorded step of the leading line nearest to a value of the x axis. */
export function stepAtX(lines: readonly Line[], axis: XAxis, x: number): number | null {
  const lead = leadLine(lines);
  if (!lead) return null;
  const { columns } = lead.source;
  const index = nearestIndex(xColumn(columns, axis), columns.length, x);
  return index < 0 ? null : columns.step[index]!;
}

/** What a line shows at a step: its bucket that holds the step, with the step of its last value; null beyond the line's ends. */
export function valueAt(line: Line, step: number): { index: number; step: number; last: number; min: number; max: number } | null {
  const { columns } = line.source;
  if (columns.length === 0 || step < columns.step[0]!) return null;
  // A bucket's step is its last one, so the bucket of a step is the first that ends at or behind it.
  let index = indexAtOrBefore(columns.step, columns.length, step);
  if (columns.step[index] !== step && !line.dots && index + 1 < columns.length) index++;
  const slack = columns.length > 1 ? 2 * (columns.step[columns.length - 1]! - columns.step[columns.length - 2]!) : 0;
  if (!line.dots && index === columns.length - 1 && step > columns.step[index]! + slack) return null;
  return { index, step: columns.step[index]!, last: columns.last[index]!, min: columns.min[index]!, max: columns.max[index]! };
}

/** The steps of a zoom that reaches over these x values; null for a drag too small to be meant. */
export function rangeOfX(lines: readonly Line[], axis: XAxis, a: number, b: number): { from: number; to: number } | null {
  const [low, high] = a < b ? [a, b] : [b, a];
  const lead = leadLine(lines);
  if (!lead) return null;
  if (axis === "step") {
    const from = Math.max(0, Math.floor(low));
    const to = Math.ceil(high);
    return to - from >= 1 ? { from, to } : null;
  }
  const { columns } = lead.source;
  const x = xColumn(columns, axis);
  const from = columns.step[nearestIndex(x, columns.length, low)]!;
  const to = columns.step[nearestIndex(x, columns.length, high)]!;
  return to > from ? { from, to } : null;
}
