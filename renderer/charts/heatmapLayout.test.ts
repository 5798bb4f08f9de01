import { describe, expect, test } from "vitest";
import { cellAt, columnTicks, heatmapLayout, niceEvery, type HeatmapSpace } from "./heatmapLayout.ts";

const space = (over: Partial<HeatmapSpace>): HeatmapSpace => ({ rows: 4, columns: 8, width: 600, height: 300, pixelRatio: 1, growth: 1, left: 48, bottom: 16, mode: "cells", ...over });
const sizes = (edges: Int32Array): number[] => Array.from(edges).slice(1).map((edge, i) => edge - edges[i]!);

describe.each([2, 8, 128])("%d experts", (columns) => {
  describe.each([1, 2, 48])("in %d layers", (rows) => {
    test.each([1, 1.25, 2, 3])("are equal whole cells inside the width at pixel ratio %d", (pixelRatio) => {
      const layout = heatmapLayout(space({ rows, columns, pixelRatio, height: 420 }));
      expect(new Set(sizes(layout.x)).size).toBe(1);
      expect(new Set(sizes(layout.y)).size).toBe(1);
      expect(layout.x[columns]!).toBeLessThanOrEqual(600 * pixelRatio);
      expect(sizes(layout.y)[0]!).toBeGreaterThanOrEqual(Math.round(6 * pixelRatio));
      expect(sizes(layout.x)[0]!).toBeGreaterThan(layout.gap);
    });
  });
});

test("few experts do not become slabs", () => {
  expect(sizes(heatmapLayout(space({ columns: 2 })).x)[0]).toBe(96);
});
test("cells grow where there is room for it", () => {
  const layout = heatmapLayout(space({ width: 4000, height: 1000, growth: 2 }));
  expect([sizes(layout.x)[0], sizes(layout.y)[0]]).toEqual([192, 80]);
});
test("48 layers of 6 pixels label every so many rows that labels don't overlap", () => {
  const layout = heatmapLayout(space({ rows: 48, height: 300 }));
  expect(sizes(layout.y)[0]! * layout.rowLabelEvery).toBeGreaterThanOrEqual(13);
});
test("128 experts of 3 pixels leave room between the first label, which is kept from the edge, and the second", () => {
  const layout = heatmapLayout(space({ rows: 128, height: 300, mode: "fill" }));
  const middle = (row: number) => (layout.y[row]! + layout.y[row + 1]!) / 2;
  expect(middle(layout.rowLabelEvery) - Math.max(6, middle(0))).toBeGreaterThanOrEqual(13);
});
test("128 columns in a narrow panel label only some", () => {
  const layout = heatmapLayout(space({ columns: 128 }));
  expect(sizes(layout.x)[0]).toBe(4);
  expect(columnTicks(layout, Array.from({ length: 128 }, (_, e) => e), 20, 1).map(({ number }) => number)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
});
test("labels of steps are round, at the column that has come to them, and as far apart as the widest needs", () => {
  // As routing is recorded: step 1 and every fifth one; neighbours were added up once.
  const steps = [1, ...Array.from({ length: 80 }, (_, i) => 5 * (i + 1))].filter((step) => step !== 200);
  const layout = heatmapLayout(space({ columns: steps.length, width: 1180, mode: "fill" })), cell = 1132 / steps.length;
  for (const [widest, every] of [[19, 10], [40, 20], [60, 50], [150, 100]] as const) {
    const ticks = columnTicks(layout, steps, widest, 1);
    expect(ticks.map(({ number }) => number)).toEqual([1, ...Array.from({ length: 400 / every }, (_, i) => every * (i + 1))]);
    expect(every / 5 * cell).toBeGreaterThanOrEqual(widest + 8 - cell);
    expect(ticks.find(({ number }) => number === 200)?.column).toBe(steps.indexOf(205));
  }
  expect(columnTicks(heatmapLayout(space({ columns: 1 })), [7], 20, 1)).toEqual([{ column: 0, number: 7 }]);
});
test("filling takes the whole width whatever the number of columns", () => {
  for (const columns of [1, 7, 300]) {
    const layout = heatmapLayout(space({ columns, mode: "fill" }));
    expect(layout.x[columns]).toBe(600);
    const widths = sizes(layout.x);
    expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(1);
  }
});
test("cellAt finds each cell by its middle, and nothing beside them", () => {
  for (const pixelRatio of [1, 2]) {
    const layout = heatmapLayout(space({ pixelRatio }));
    for (const [row, column] of [[0, 0], [3, 7], [2, 5]] as const) {
      const x = (layout.x[column]! + layout.x[column + 1]!) / 2 / pixelRatio;
      const y = (layout.y[row]! + layout.y[row + 1]!) / 2 / pixelRatio;
      expect(cellAt(layout, pixelRatio, x, y)).toEqual({ row, column });
    }
    expect(cellAt(layout, pixelRatio, 10, 10)).toBeNull();
    expect(cellAt(layout, pixelRatio, 601, 10)).toBeNull();
    expect(cellAt(layout, pixelRatio, 100, layout.height - 1)).toBeNull();
  }
});
test("no cells at all is no error", () => {
  const layout = heatmapLayout(space({ rows: 0, columns: 0 }));
  expect(cellAt(layout, 1, 100, 5)).toBeNull();
});
test.each([[0.2, 1], [1, 1], [1.2, 2], [3, 5], [6, 10], [11, 20]])("niceEvery(%d) is %d", (least, every) => expect(niceEvery(least)).toBe(every));
test("columns of less than 3 pixels fill the width, each as good as equal", () => {
  const layout = heatmapLayout(space({ columns: 128, width: 258 })), widths = sizes(layout.x);
  expect(layout.x[128]).toBe(258);
  expect(Math.max(...widths) - Math.min(...widths)).toBe(1);
});
