import { expect, test } from "vitest";
import type { RunSummary, Series } from "../../contract/handlers.ts";
import { asCsv, asMarkdown, cells, commonEnd, differenceText, tableOf, valueBefore } from "./compareTable.ts";

const series = (step: number[], last: (number | "NaN")[]): Series => ({
  name: "loss", reduced: false, count: step.length, step, tokens: step.map((at) => at * 100), seconds: step.map((at) => at / 10), last, min: last, max: last, cursor: 1,
});

test("a value is read at or before its place, never after", () => {
  const one = series([1, 5, 9], [4, 3, "NaN"]);
  expect([0, 1, 4, 5, 8].map((x) => valueBefore(one, "step", x))).toEqual([null, 4, 4, 3, 3]);
  expect(valueBefore(one, "step", 100)).toBeNaN();
  expect(valueBefore(one, "tokens", 500)).toBe(3);
  expect(valueBefore(one, "time", 0.5)).toBe(3);
});

test("runs are compared where the shortest has come to", () => {
  expect(commonEnd([series([1, 9], [1, 1]), series([1, 5], [1, 1])], "step")).toBe(5);
  expect(commonEnd([series([1, 9], [1, 1]), series([1, 5], [1, 1])], "tokens")).toBe(500);
  expect(commonEnd([series([1], [1]), series([], [])], "step")).toBeNull();
  expect(commonEnd([series([1], [1]), undefined], "step")).toBeNull();
});

test("lower loss is better, higher throughput too; the baseline has no difference", () => {
  expect(cells("loss", [2, 1.5, 3, null], 0)).toEqual([
    { value: 2, difference: null, verdict: null }, { value: 1.5, difference: -0.5, verdict: "better" }, { value: 3, difference: 1, verdict: "worse" }, { value: null, difference: null, verdict: null },
  ]);
  expect(cells("tokensPerSecond", [100, 200], 0)[1]!.verdict).toBe("better");
  expect(cells("loss", [2, 2], 0)[1]!.verdict).toBe("same");
  expect(cells("loss", [2, NaN], 0)[1]!.verdict).toBeNull();
});

test("differences carry their sign", () => {
  expect([differenceText(0.214, "nats/token"), differenceText(-0.012, "of tokens"), differenceText(0, "")]).toEqual(["+0.214", "−1.2%", "±0"]);
});

test("a table leaves as Markdown and CSV with hostile names intact", () => {
  const runs = [{ name: "a|b" }, { name: '=HYPERLINK("x")' }] as RunSummary[];
  const table = tableOf(runs, [{ name: "loss", cells: cells("loss", [2, 1.5], 0) }], [{ path: "model.sparse.experts", values: [8, null] }]);
  expect(table.rows).toEqual([["cross-entropy (nats/token)", "2", "1.5 (−0.5)"], ["model.sparse.experts", "8", "none"]]);
  expect(asMarkdown(table).split("\n")[0]).toBe('|  | a\\|b | =HYPERLINK("x") |');
  expect(asCsv(table).split("\r\n")[0]).toBe(",a|b,\"'=HYPERLINK(\"\"x\"\")\"");
});
