import { expect, test } from "vitest";
import { BucketSeries } from "./bucketSeries.ts";
import type { Line } from "./lineData.ts";
import { tipPlace, tipRows, tipSentence } from "./lineTip.ts";

function line(name: string, steps: number[], over: Partial<Line> = {}): Line {
  const series = new BucketSeries(100);
  for (const step of steps) series.append(step, step * 100, step * 2, step / 10);
  return { key: name, name, colour: "#000", dash: [], source: { status: "ready", message: null, columns: series.columns, version: 0, subscribe: () => () => {} }, ...over };
}
const loss = line("run", [1, 2, 3, 4, 5, 6]);
const evaluation = line("run", [2, 5], { dots: true, label: "evaluation" });

test("a value of another step says which", () => {
  expect(tipRows([loss, evaluation], 4, "").map(({ value, note }) => [value, note])).toEqual([["0.4", ""], ["0.2", "evaluation · at step 2"]]);
  expect(tipRows([loss, evaluation], 5, "").map(({ value, note }) => [value, note])).toEqual([["0.5", ""], ["0.5", "evaluation"]]);
});
test("tokens and time are those of the step, or not told", () => {
  expect(tipPlace([loss, evaluation], 4)).toBe("step 4 · 400 tokens · 8 s");
  expect(tipPlace([evaluation], 4)).toBe("step 4");
});
test("many lines are sorted by value", () => {
  const many = [9, 8, 7, 6, 5, 4, 3, 2, 1].map((last) => line(String(last), [last]));
  for (const one of many) one.source.columns.step[0] = 1;
  expect(tipRows(many, 1, "").map(({ name }) => name)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});
test("is read out with what belongs to each value", () => {
  expect(tipSentence(tipRows([loss, evaluation], 4, "nats"), 4)).toBe("Step 4: run 0.4 nats, run 0.2 nats (evaluation · at step 2)");
});
