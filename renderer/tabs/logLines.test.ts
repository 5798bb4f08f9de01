import { expect, test } from "vitest";
import type { LogLine } from "../../contract/handlers.ts";
import { filterLines, MAX_LINES, mergeLines } from "./logLines.ts";

const line = (id: number, level: LogLine["level"] = "info", message = `line ${id}`): LogLine => ({ id, attempt: 1, t: id, step: null, level, message });

test("lines that came twice are shown once, in order", () => {
  expect(mergeLines([line(1), line(3)], [line(2), line(3), line(4)]).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  const known = [line(1)];
  expect(mergeLines(known, [])).toBe(known);
});

test("the oldest go when there are too many", () => {
  const lines = mergeLines([], Array.from({ length: MAX_LINES + 5 }, (_, id) => line(id)));
  expect([lines.length, lines[0]!.id]).toEqual([MAX_LINES, 5]);
});

test("filtered by level and words", () => {
  const lines = [line(1), line(2, "warning", "Tokens dropped"), line(3, "error", "Disk full")];
  expect(filterLines(lines, "warning", "").map(({ id }) => id)).toEqual([2, 3]);
  expect(filterLines(lines, "info", " DROPPED ").map(({ id }) => id)).toEqual([2]);
});
