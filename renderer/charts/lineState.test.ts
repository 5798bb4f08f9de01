import { expect, test } from "vitest";
import type { LineSource } from "./bucketLine.ts";
import { BucketSeries } from "./bucketSeries.ts";
import type { Line } from "./lineData.ts";
import { lineState, lineSummary } from "./lineState.ts";

function line(name: string, status: LineSource["status"], values: number[], over: Partial<Line> = {}): Line {
  const series = new BucketSeries(100);
  values.forEach((value, i) => series.append(i + 1, i * 100, i * 2, value));
  return { key: name, name, colour: "#000", dash: [], source: { status, message: status === "absent" ? "No values." : null, columns: series.columns, version: 0, subscribe: () => () => {} }, ...over };
}
const summary = (lines: Line[]) => lineSummary(lines, "cross-entropy", "nats/token", "run");
const kind = (lines: Line[], showAll: (() => void) | null = null) => lineState(lines, "cross-entropy", showAll).kind;
const evaluation = line("a", "ready", [4, 3], { dots: true, label: "evaluation cross-entropy" });

test("a line on its way is not said to have recorded nothing", () => {
  expect(summary([line("a", "loading", []), evaluation])).toBe("evaluation cross-entropy fell from 4 to 3 in 1 step");
  expect(summary([line("a", "loading", [])])).toBe("");
  expect(summary([line("a", "ready", [5, 2]), evaluation])).toBe("cross-entropy fell from 5 to 2 in 1 step; evaluation cross-entropy fell from 4 to 3 in 1 step");
});
test("of several runs the second metric is left out, even while one of them is on its way", () => {
  expect(summary([line("a", "ready", [5, 2]), evaluation, line("b", "loading", [])])).toBe("cross-entropy fell from 5 to 2 in 1 step");
});
test("one line with data shows the chart, whatever the others are", () => {
  expect(kind([line("a", "absent", []), evaluation])).toBe("ready");
  expect(kind([line("a", "absent", []), line("b", "loading", [])])).toBe("loading");
});
test("a run that goes on has nothing yet; one that ended did not record it", () => {
  expect(kind([line("a", "absent", [], { going: true })])).toBe("empty");
  expect(lineState([line("a", "absent", [])], "cross-entropy", null)).toEqual({ kind: "absent", message: "No values." });
});
test("a zoom that holds nothing offers the way out", () => {
  const showAll = () => {};
  expect(lineState([line("a", "absent", [], { going: true })], "cross-entropy", showAll)).toEqual({ kind: "outside", message: "The zoom holds no values of cross-entropy.", showAll });
});
