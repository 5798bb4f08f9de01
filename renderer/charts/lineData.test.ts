import { expect, test } from "vitest";
import { BucketSeries } from "./bucketSeries.ts";
import { leadLine, linesTable, rangeOfX, stepAtX, toldApart, valueAt, type Line } from "./lineData.ts";

function line(name: string, rows: [step: number, value: number][], over: Partial<Line> = {}): Line {
  const series = new BucketSeries(100);
  for (const [step, value] of rows) series.append(step, step * 100, step * 2, value);
  return { key: name, name, colour: "#000", dash: [], source: { status: "ready", message: null, columns: series.columns, version: 0, subscribe: () => () => {} }, ...over };
}
const a = line("a", [[1, 4], [2, 3], [3, 2]]);
const b = line("b", [[2, 9], [4, 8]]);

test("the table has each step once, and gaps where a line has none", () => {
  expect(linesTable([a, b], "nats/token")).toEqual({
    columns: [{ name: "step" }, { name: "a", unit: "nats/token" }, { name: "b", unit: "nats/token" }],
    rows: [[1, 4, null], [2, 3, 9], [3, 2, null], [4, null, 8]],
  });
});
test("a table of buckets has their extremes and says how many steps a row stands for", () => {
  const long = line("long", Array.from({ length: 800 }, (_, i) => [i + 1, i % 7]));
  const { columns, rows, note } = linesTable([long], "");
  expect(columns.map(({ name }) => name)).toEqual(["step", "long", "long, least", "long, greatest"]);
  expect(rows.length).toBeLessThanOrEqual(200);
  expect(note).toBe("A row is the last step of a bucket of about 4 steps; “Export metrics” has every step.");
});
test("the line with most values leads", () => {
  expect(leadLine([b, a])?.name).toBe("a");
  expect(leadLine([line("none", [])])).toBeNull();
});
test("a place on any axis is a recorded step", () => {
  expect(stepAtX([a], "step", 2.4)).toBe(2);
  expect(stepAtX([a], "tokens", 290)).toBe(3);
  expect(stepAtX([a], "time", 2.2)).toBe(1);
  expect(stepAtX([], "step", 1)).toBeNull();
});
test("a value between two steps is that of the bucket that holds it; evaluations keep theirs until the next", () => {
  expect(valueAt(a, 2)?.last).toBe(3);
  expect(valueAt(b, 3)?.last).toBe(8);
  expect(valueAt(line("e", [[2, 9], [4, 8]], { dots: true }), 3)?.last).toBe(9);
});
test("nothing is shown before a line begins or long after it ended", () => {
  expect(valueAt(b, 1)).toBeNull();
  expect(valueAt(b, 500)).toBeNull();
});
test("a drag becomes steps on every axis, and a twitch becomes nothing", () => {
  expect(rangeOfX([a], "step", 2.9, 1.2)).toEqual({ from: 1, to: 3 });
  expect(rangeOfX([a], "tokens", 100, 300)).toEqual({ from: 1, to: 3 });
  expect(rangeOfX([a], "tokens", 199, 201)).toBeNull();
});

test("lines of one run are called by what they measure, those of several by their runs", () => {
  const evaluated = { ...b, name: "a", label: "evaluation cross-entropy" };
  expect(toldApart([a, evaluated], "cross-entropy").map(({ name, label }) => [name, label])).toEqual([["cross-entropy", undefined], ["evaluation cross-entropy", undefined]]);
  expect(toldApart([a, b, evaluated], "cross-entropy").map(({ name, label }) => [name, label])).toEqual([["a", undefined], ["b", undefined], ["a", "evaluation cross-entropy"]]);
  expect(toldApart([a], "cross-entropy")[0]!.name).toBe("a");
});
