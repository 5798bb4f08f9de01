// The log's lines: merged from what was asked for and what was pushed, and filtered.
import type { LogLine } from "../../contract/handlers.ts";

/** Lines kept in the page; older ones are read again when a person scrolls up to them. */
export const MAX_LINES = 20_000;

/** Both in order, each line once. */
export function mergeLines(known: readonly LogLine[], more: readonly LogLine[]): LogLine[] {
  if (more.length === 0) return known as LogLine[];
  const byId = new Map(known.map((line) => [line.id, line]));
  for (const line of more) byId.set(line.id, line);
  return [...byId.values()].toSorted((a, b) => a.id - b.id).slice(-MAX_LINES);
}

export type Level = LogLine["level"];
const RANK: Record<Level, number> = { info: 0, warning: 1, error: 2 };

export function filterLines(lines: readonly LogLine[], least: Level, search: string): LogLine[] {
  const wanted = search.trim().toLowerCase();
  return lines.filter((line) => RANK[line.level] >= RANK[least] && (wanted === "" || line.message.toLowerCase().includes(wanted)));
}
