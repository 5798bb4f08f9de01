import { expect, test } from "vitest";
import { packed, spanStyles } from "./packing.ts";

test("rows that are full stay as they are", () => {
  expect(packed([7, 5, 4, 4, 4, 6, 6])).toEqual([7, 5, 4, 4, 4, 6, 6]);
});
test("the last of a row that isn't full takes the rest", () => {
  expect(packed([4, 7, 5, 4, 4, 6, 6])).toEqual([4, 8, 5, 7, 4, 8, 6 + 6]);
  expect(packed([5, 12, 4])).toEqual([12, 12, 12]);
});
test("every order fills every row at every width", () => {
  for (const order of [[4, 4, 4, 6, 6, 5, 7, 12], [12, 5, 4, 6, 4, 7, 6, 4], [5, 6, 7, 4, 4, 4, 12, 6]]) {
    const spans = spanStyles(order);
    for (const width of ["--span-wide", "--span-medium", "--span-huge"] as const) {
      let used = 0;
      for (const span of spans) used = (used + span[width]) > 12 ? Number.NaN : (used + span[width]) % 12;
      expect(used).toBe(0);
    }
  }
});
test("no figure is no error", () => expect(packed([])).toEqual([]));
