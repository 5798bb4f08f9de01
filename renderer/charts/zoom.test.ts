import { expect, test } from "vitest";
import { withinSteps, zoomed } from "./zoom.ts";

test("zooming in and out stays around its centre", () => {
  expect(zoomed({ from: 1, to: 401 }, 200, 0.5)).toEqual({ from: 100, to: 300 });
  expect(zoomed({ from: 100, to: 300 }, 200, 2)).toEqual({ from: 0, to: 400 });
  expect(zoomed({ from: 10, to: 12 }, 11, 0.5)).toEqual({ from: 9, to: 13 });
});
test("a zoom that reaches over an end is moved back", () => {
  expect(withinSteps({ from: 299, to: 499 }, 400)).toEqual({ from: 200, to: 400 });
  expect(withinSteps({ from: -20, to: 80 }, 400)).toEqual({ from: 1, to: 101 });
  expect(withinSteps({ from: 100, to: 200 }, 400)).toEqual({ from: 100, to: 200 });
});
test("a zoom to everything is none", () => {
  expect(withinSteps({ from: 1, to: 400 }, 400)).toBeNull();
  expect(withinSteps({ from: -100, to: 900 }, 400)).toBeNull();
});
