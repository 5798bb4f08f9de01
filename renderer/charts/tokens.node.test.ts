import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseColour, type Rgb } from "./colourScale.ts";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const luminance = (rgb: Rgb): number => {
  const [r, g, b] = rgb.map((channel) => { const c = channel / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
};
const contrast = (a: Rgb, b: Rgb): number => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
};
const blocks = css.split("{").slice(1).map((block) => new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]+)/gi)].map((match) => [match[1]!, parseColour(match[2]!)!]))).filter((block) => block.size > 0);
const [light, darkByMedia, darkByChoice] = blocks as [Map<string, Rgb>, Map<string, Rgb>, Map<string, Rgb>];
const WHITE: Rgb = [255, 255, 255];
const DARK_PANEL: Rgb = [22, 25, 29];

test("both ways to the dark theme lead to the same colours, and none is missing", () => {
  expect(blocks.length).toBe(3);
  expect([...darkByChoice]).toEqual([...darkByMedia]);
  expect([...darkByMedia.keys()]).toEqual([...light.keys()]);
});

describe.each([["light", light, WHITE], ["dark", darkByMedia, DARK_PANEL]] as const)("%s", (_name, colours, panel) => {
  test.each(Array.from({ length: 10 }, (_, i) => i))("run colour %d has 3:1 against the panel", (i) => {
    expect(contrast(colours.get(`run-${i}`)!, panel)).toBeGreaterThanOrEqual(3);
  });
  test("dropped tokens as a line have 3:1, as text 4.5:1", () => {
    expect(contrast(colours.get("dropped")!, panel)).toBeGreaterThanOrEqual(3);
    expect(contrast(colours.get("dropped-text")!, panel)).toBeGreaterThanOrEqual(4.5);
  });
  test("the ends of the load scale stand out from the fair share", () => {
    for (const end of ["load-least", "load-greatest"]) expect(contrast(colours.get(end)!, colours.get("load-fair")!)).toBeGreaterThanOrEqual(2.5);
  });
  test("the fair share is neutral", () => {
    const fair = colours.get("load-fair")!;
    expect(Math.max(...fair) - Math.min(...fair)).toBeLessThanOrEqual(16);
  });
});
