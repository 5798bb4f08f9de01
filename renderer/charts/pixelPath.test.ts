import { expect, test } from "vitest";
import { pixelPath } from "./pixelPath.ts";

const path = (values: number[], width: number, column = 1): [number, number][] => {
  const v = Float64Array.from(values);
  const x = Float64Array.from(values, (_, i) => i);
  const out: number[] = [];
  const size = pixelPath(x, v, v, v, v.length, (value) => (value * width) / values.length, (value) => 100 - value, column, out);
  return Array.from({ length: size / 2 }, (_, i) => [out[2 * i]!, out[2 * i + 1]!]);
};

test("fewer points than pixels are drawn as they are", () => {
  expect(path([1, 5, 2], 300)).toEqual([[0, 99], [100, 95], [200, 98]]);
});
test("many points become about one a column, and the last one is kept", () => {
  const drawn = path(Array.from({ length: 10_000 }, (_, i) => Math.sin(i / 1000)), 200);
  expect(drawn.length).toBeLessThanOrEqual(210);
  expect(drawn.length).toBeGreaterThan(150);
  expect(drawn.at(-1)![1]).toBeCloseTo(100 - Math.sin(9.999), 9);
});
test("a spike between two columns' last values is drawn to its top and bottom", () => {
  const values = Array.from({ length: 10_000 }, () => 1);
  values[4321] = 60;
  values[7777] = -40;
  const ys = path(values, 200).map(([, y]) => y);
  expect(Math.min(...ys)).toBe(40);
  expect(Math.max(...ys)).toBe(140);
});
test("no spike is lost, wherever in its column it stands", () => {
  for (let at = 1; at < 700; at++) {
    const values = Array.from({ length: 700 }, () => 1);
    values[at] = 60;
    expect(Math.min(...path(values, 330).map(([, y]) => y))).toBe(40);
  }
});
test("noise of a pixel or two adds no points", () => {
  const drawn = path(Array.from({ length: 10_000 }, (_, i) => (i % 2)), 200, 2);
  expect(drawn.length).toBeLessThanOrEqual(101);
});
test("a value that can't be drawn is a gap", () => {
  expect(path([1, Number.NaN, 2], 300).map(([x]) => Number.isNaN(x))).toEqual([false, true, false]);
});
