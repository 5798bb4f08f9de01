import { describe, expect, test } from "vitest";
import type { Series } from "../../contract/handlers.ts";
import { BucketSeries, indexAtOrBefore, nearestIndex } from "./bucketSeries.ts";

const values = (column: Float64Array, length: number): number[] => Array.from(column.subarray(0, length));
const series = (steps: number[], last: number[], more: Partial<Series> = {}): Series => ({
  name: "loss", reduced: false, count: steps.length, step: steps, tokens: steps.map((s) => s * 10), seconds: steps.map((s) => s / 2),
  last, min: last, max: last, cursor: 0, ...more,
});

describe("BucketSeries", () => {
  test("keeps every row while there is room", () => {
    const s = new BucketSeries(10);
    for (let i = 1; i <= 20; i++) s.append(i, i * 10, i, i);
    expect(s.columns.length).toBe(20);
    expect(s.rowsPerBucket).toBe(1);
    expect(values(s.columns.last, 3)).toEqual([1, 2, 3]);
  });

  test("stays within twice the points however many rows come, and keeps count and last step", () => {
    const s = new BucketSeries(50);
    for (let i = 1; i <= 100_000; i++) s.append(i, i * 10, i, Math.sin(i));
    expect(s.columns.length).toBeLessThanOrEqual(100);
    expect(s.columns.length).toBeGreaterThan(49);
    expect(s.count).toBe(100_000);
    expect(s.lastStep).toBe(100_000);
  });

  test("a single spike survives every merge in min and max", () => {
    const s = new BucketSeries(8);
    for (let i = 1; i <= 5000; i++) s.append(i, i, i, i === 777 ? 99 : i === 778 ? -99 : 1);
    const { length } = s.columns;
    expect(Math.max(...values(s.columns.max, length))).toBe(99);
    expect(Math.min(...values(s.columns.min, length))).toBe(-99);
    expect(s.columns.last[length - 1]).toBe(1);
  });

  test("steps grow strictly after merging an odd number of buckets", () => {
    const s = new BucketSeries(3);
    for (let i = 1; i <= 101; i++) s.append(i * 5, i, i, i);
    const steps = values(s.columns.step, s.columns.length);
    for (let i = 1; i < steps.length; i++) expect(steps[i]!).toBeGreaterThan(steps[i - 1]!);
    expect(steps.at(-1)).toBe(505);
  });

  test("rows already here are left out, so a cursor that overlaps doubles nothing", () => {
    const s = new BucketSeries(10);
    s.load(series([1, 2, 3], [3, 2, 1]));
    expect(s.append(2, 20, 1, 7)).toBe(false);
    expect(s.append(3, 30, 1.5, 7)).toBe(false);
    expect(s.append(4, 40, 2, 0.5)).toBe(true);
    expect(values(s.columns.last, s.columns.length)).toEqual([3, 2, 1, 0.5]);
  });

  test("continues reduced buckets with buckets of the same size", () => {
    const s = new BucketSeries(10);
    s.load(series([10, 20, 30], [3, 2, 1], { reduced: true, count: 30 }));
    for (let i = 31; i <= 45; i++) s.append(i, i, i, i);
    expect(values(s.columns.step, s.columns.length)).toEqual([10, 20, 30, 40, 45]);
    expect(s.columns.min[3]).toBe(31);
    expect(s.columns.max[3]).toBe(40);
    expect(s.count).toBe(45);
  });

  test("a reset drops what comes after the step and new rows follow it", () => {
    const s = new BucketSeries(10);
    for (let i = 1; i <= 8; i++) s.append(i, i, i, i);
    s.truncateAfter(5);
    expect(s.lastStep).toBe(5);
    expect(s.append(6, 6, 6, 60)).toBe(true);
    expect(values(s.columns.last, s.columns.length)).toEqual([1, 2, 3, 4, 5, 60]);
    expect(s.count).toBe(6);
  });

  test("NaN is the last value yet never the least or greatest", () => {
    const s = new BucketSeries(10);
    s.load(series([1], [2], { reduced: true, count: 2 }));
    s.append(2, 2, 2, 4);
    s.append(3, 3, 3, Number.NaN);
    expect(s.columns.last[1]).toBeNaN();
    expect([s.columns.min[1], s.columns.max[1]]).toEqual([4, 4]);
  });

  test("reads numbers that are not finite from the wire", () => {
    const s = new BucketSeries(10);
    s.load(series([1, 2], [1, 2], { last: [1, "NaN"], min: [1, "NaN"], max: [1, "Infinity"] }));
    expect(s.columns.last[1]).toBeNaN();
    expect(s.columns.max[1]).toBe(Infinity);
  });
});

describe("search", () => {
  const steps = [0, 5, 10, 100];
  test.each([[-4, 0], [0, 0], [2, 0], [3, 1], [54, 2], [56, 3], [900, 3]])("nearest to %d is %d", (x, index) => {
    expect(nearestIndex(steps, steps.length, x)).toBe(index);
  });
  test.each([[-1, -1], [0, 0], [9, 1], [10, 2], [101, 3]])("at or before %d is %d", (x, index) => {
    expect(indexAtOrBefore(steps, steps.length, x)).toBe(index);
  });
  test("nothing is nearest in an empty column", () => expect(nearestIndex([], 0, 3)).toBe(-1));
});
