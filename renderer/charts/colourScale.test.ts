import { describe, expect, test } from "vitest";
import { colourScale, linearTicks, loadAtPosition, loadPosition, mix, parseColour, type Rgb, type ScaleColours } from "./colourScale.ts";

const colours: ScaleColours = {
  load: [[10, 40, 120], [90, 140, 210], [210, 212, 216], [230, 160, 90], [190, 80, 0]],
  dropped: [[255, 255, 255], [200, 30, 40]], measure: [[240, 240, 240], [40, 40, 40]], absent: [128, 128, 128], hatch: [0, 0, 0],
};

describe("load scale", () => {
  test.each([[1, 0.5], [0.25, 0], [4, 1], [2, 0.75], [0.5, 0.25], [0, 0], [100, 1], [Number.NaN, 0]])("load %d lies at %d", (load, position) => {
    expect(loadPosition(load)).toBeCloseTo(position, 12);
  });
  test("doubling and halving are equally far from the fair share", () => {
    expect(loadPosition(1.7) - 0.5).toBeCloseTo(0.5 - loadPosition(1 / 1.7), 12);
  });
  test("the inverse gives the load back", () => {
    for (const load of [0.3, 1, 3.1]) expect(loadAtPosition(loadPosition(load))).toBeCloseTo(load, 12);
  });
  test("the fair share is the neutral colour, less is bluer, more is more orange", () => {
    const scale = colourScale("load", colours, 0, 0);
    const [fair, less, more] = [1, 0.4, 2.5].map((load) => scale.at(scale.position(load))) as [Rgb, Rgb, Rgb];
    expect(Math.max(...fair) - Math.min(...fair)).toBeLessThan(12);
    expect(less[2] - less[0]).toBeGreaterThan(30);
    expect(more[0] - more[2]).toBeGreaterThan(30);
  });
});

test("overload is grey at 1, more orange above, and reaches as far as the data", () => {
  const scale = colourScale("overload", colours, 1, 13);
  expect(scale.at(scale.position(1))).toEqual(colours.load[2]);
  expect(scale.at(scale.position(13))).toEqual(colours.load[4]);
  expect(scale.position(4)).toBeLessThan(scale.position(8));
  expect(scale.ticks.map((tick) => tick.value)).toEqual([1, 2, 4, 8]);
  expect(colourScale("overload", colours, 1, 1.2).ticks.map((tick) => tick.value)).toEqual([1, 2, 4]);
});

test("cividis grows in lightness all the way", () => {
  const scale = colourScale("probability", colours, 0, 1);
  const lightness = Array.from({ length: 20 }, (_, i) => scale.at(i / 19)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  for (let i = 1; i < lightness.length; i++) expect(lightness[i]!).toBeGreaterThan(lightness[i - 1]!);
});
test("a range without extent has a position for its value", () => {
  const scale = colourScale("probability", colours, 0, 0);
  expect(scale.position(0)).toBe(0);
  expect(scale.ticks.length).toBeGreaterThan(0);
});
test("mixing ends at its ends", () => {
  expect(mix([1, 2, 3], [200, 100, 50], 0)).toEqual([1, 2, 3]);
  expect(mix([1, 2, 3], [200, 100, 50], 1)).toEqual([200, 100, 50]);
});
test("linear ticks are round and inside", () => {
  expect(linearTicks(0, 1, 4)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect(linearTicks(0, 0.031, 4)).toEqual([0, 0.01, 0.02, 0.03]);
  expect(linearTicks(3, 3, 4)).toEqual([3]);
});
test.each([["#fff", [255, 255, 255]], [" #1f77b4", [31, 119, 180]], ["rgb(1, 2, 3)", [1, 2, 3]], ["rgb(1 2 3 / 50%)", [1, 2, 3]]])("reads %s", (text, rgb) => {
  expect(parseColour(text)).toEqual(rgb);
});
test("does not read what is no colour", () => expect(parseColour("var(--x)")).toBeNull());
