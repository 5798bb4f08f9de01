import { expect, test } from "vitest";
import type { RunSummary, Series } from "../../contract/handlers.ts";
import { asCsv, asMarkdown, cells, commonEnd, differenceText, exactTable, placeText, readable, readableTable, valueBefore } from "./compareTable.ts";

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
  expect(cells("loss", [2, 1.5, 3, null], 0, [])).toEqual([
    { value: 2, difference: null, verdict: null }, { value: 1.5, difference: -0.5, verdict: "better" }, { value: 3, difference: 1, verdict: "worse" }, { value: null, difference: null, verdict: null },
  ]);
  expect(cells("tokensPerSecond", [100, 200], 0, [])[1]!.verdict).toBe("better");
  expect(cells("loss", [2, 2], 0, [])[1]!.verdict).toBe("same");
  expect(cells("loss", [2, NaN], 0, [])[1]!.verdict).toBeNull();
});

test("a loss on another task is neither better nor worse; what is no loss still is", () => {
  const causal = [{ path: "data.objective", values: ["span-corruption", "span-corruption", "causal"] }, { path: "data.inputLength", values: [128, 64, 128] }];
  expect(cells("loss", [3, 2, 1], 0, causal).map(({ verdict }) => verdict)).toEqual([null, "better", "other task"]);
  expect(cells("evaluation.loss", [3, 2, 1], 2, causal).map(({ verdict }) => verdict)).toEqual(["other task", "other task", null]);
  expect(cells("tokensPerSecond", [3, 2, 1], 0, causal).map(({ verdict }) => verdict)).toEqual([null, "worse", "worse"]);
  expect(cells("loss", [3, 2], 0, [{ path: "data.source.names", values: [["moby-dick"], ["state-of-the-union"]] }])[1]!.verdict).toBe("other task");
});

test("differences carry their sign; those of shares are points", () => {
  expect([differenceText(0.214, "nats/token"), differenceText(-0.012, "of tokens"), differenceText(0, "")]).toEqual(["+0.214", "−1.2 points", "±0"]);
});

test("the place is said with where it is", () => {
  expect([placeText("last", null), placeText("step", null), placeText("tokens", 12_800), placeText("time", 90)]).toEqual(["newest", "at equal steps", "at equal tokens: 12.8k tokens", "at equal time: 90 s"]);
});

const runs = [{ name: "a|b", status: "completed", step: 2000 }, { name: '=HYPERLINK("x")', status: "stopped", step: 5 }] as RunSummary[];
const comparison = { runs, baseline: 0, target: "token" as const, place: "newest", metrics: [{ name: "loss", cells: cells("loss", [2, 1.23456789], 0, []) }], differences: [{ path: "model.sparse.experts", values: [8, null] }] };

test("Markdown is to be read, with hostile names intact", () => {
  const table = readableTable(comparison);
  expect(table.rows).toEqual([["state", "completed, step 2,000", "stopped, step 5"], ["cross-entropy (nats/token)", "2", "1.235 (−0.765)"], ["model.sparse.experts", "8", "none"]]);
  expect(asMarkdown(table).split("\n")[0]).toBe('| values: newest | a\\|b | =HYPERLINK("x") |');
});

test("CSV holds the exact values, and no name runs as a formula", () => {
  const lines = asCsv(exactTable(comparison)).split("\r\n");
  expect(lines[0]).toBe("values: newest,a|b,\"'=HYPERLINK(\"\"x\"\")\"");
  expect(lines.slice(2, 4)).toEqual(["cross-entropy (nats/token),2,1.23456789", `"cross-entropy (nats/token), difference from a|b",,${1.23456789 - 2}`]);
});

test("what a dense run has no fields for is one row, and what sparse runs differ in stays", () => {
  const differences = [
    { path: "model.dropout", values: [0.1, 0, 0.1] },
    { path: "model.sparse.auxiliaryLoss", values: [0.01, undefined, 0.02] },
    { path: "model.sparse.experts", values: [8, undefined, 8] },
    { path: "model.sparse.zLoss", values: [0, null, 0] },
  ];
  expect(readable(differences)).toEqual([
    differences[0], { path: "model.sparse", values: ["8 experts", "none: dense", "8 experts"] }, differences[1],
  ]);
  const sparse = differences.map(({ path, values: [first, , third] }) => ({ path, values: [first, third] }));
  expect(readable(sparse)).toEqual(sparse);
  expect(readable([])).toEqual([]);
});
