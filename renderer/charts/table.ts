// What a chart shows, as a table: drawn on demand, read by screen readers, and saved as CSV.
import { bareQuantity } from "./quantity.ts";

export interface DataColumn {
  name: string;
  /** As in contract/metrics.ts; decides how the table writes it. CSV has the exact number. */
  unit?: string;
}
export interface DataTable {
  columns: readonly DataColumn[];
  rows: readonly (readonly (number | string | null)[])[];
  /** What the rows are, where they aren't each a record. */
  note?: string;
}

/** A cell as the table shows it. */
export function cellText(value: number | string | null | undefined, column: DataColumn): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  return Number.isInteger(value) && column.unit === undefined ? value.toLocaleString("en") : bareQuantity(value, column.unit ?? "");
}

/**
 * RFC 4180. A text that a spreadsheet would run as a formula (it begins with = + - @ or a control character) gets an
 * apostrophe before it: run names come from other people.
 */
export function toCsv(table: DataTable): string {
  const field = (value: number | string | null | undefined): string => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const header = table.columns.map(({ name, unit }) => field(unit ? `${name} (${unit})` : name)).join(",");
  return [header, ...table.rows.map((row) => row.map(field).join(","))].join("\r\n") + "\r\n";
}

/** A column with a value in fewer than one row of so many is sparse. */
const SPARSE = 4;

/** At most `limit` rows, evenly taken, first and last included; rows with a value in a sparse column, such as evaluations, come first. */
export function thinned(rows: DataTable["rows"], limit: number): DataTable["rows"] {
  if (rows.length <= limit) return rows;
  const sparse = rows[0]!.map((_, column) => column).filter((column) => rows.filter((row) => row[column] !== null).length * SPARSE < rows.length);
  const telling = (row: DataTable["rows"][number]): boolean => sparse.some((column) => row[column] !== null);
  const kept = new Set(evenly(rows.filter(telling), limit >> 1));
  const others = new Set(evenly(rows.filter((row) => !telling(row)), limit - kept.size));
  return rows.filter((row) => kept.has(row) || others.has(row));
}

const evenly = <T>(items: readonly T[], limit: number): readonly T[] =>
  items.length <= limit ? items : Array.from({ length: limit }, (_, i) => items[Math.round((i * (items.length - 1)) / (limit - 1))]!);
