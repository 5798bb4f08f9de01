import { describe, expect, test } from "vitest";
import { cellAt, columnLabelEvery, heatmapLayout, niceEvery, type HeatmapSpace } from "./heatmapLayout.ts";

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
  expect(columnLabelEvery(layout, 20, 1)).toBe(10);
});
test("labels of columns are equally far apart, as far as the widest needs", () => {
  const layout = heatmapLayout(space({ columns: 81, width: 1180, mode: "fill" })), cell = 1132 / 81;
  for (const [widest, every] of [[5, 1], [19, 2], [21, 5], [60, 5], [63, 10]] as const) {
    expect(columnLabelEvery(layout, widest, 1)).toBe(every);
    expect(every * cell).toBeGreaterThanOrEqual(widest + 8);
  }
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
