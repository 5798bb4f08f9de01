// Tables and numbers for people. Text that came from files is made harmless for terminals.
import { cleanOutput } from "../backend/runs/output.ts";

type Cell = string | number | null | undefined;

/** At most 4 significant digits; "NaN" and the like as they are. */
export function format(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return cleanOutput(value).replaceAll(/[\n\t]/g, " ");
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(4));
  return Math.abs(rounded) >= 1e-4 && Math.abs(rounded) < 1e7 ? String(rounded) : rounded.toExponential();
}

/** "76 bytes", "916 kB", "22.26 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const [unit, factor] = bytes < 1e6 ? ["kB", 1e3] as const : bytes < 1e9 ? ["MB", 1e6] as const : ["GB", 1e9] as const;
  return `${format(bytes / factor)} ${unit}`;
}

/** Columns side by side; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map(format));
  const widths = head.map((title, i) => Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[i] ?? ""))));
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number" || row[i] === null || row[i] === undefined));
  const line = (row: readonly string[]) => row.map((cell, i) => {
    const fill = " ".repeat(Math.max(0, widths[i]! - displayWidth(cell)));
    return numeric[i] ? fill + cell : cell + fill;
  }).join("  ").trimEnd();
  return [line(head), ...cells.map(line)].join("\n");
}

/** Columns a text takes in a terminal: wide scripts and emoji take two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += /\p{Mn}|\u200d|\ufe0f/u.test(character) ? 0 : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
  return width;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
