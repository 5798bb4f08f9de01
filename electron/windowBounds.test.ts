import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";

vi.mock("electron", () => import("./host/electronStandIn.ts"));
const { rememberedPlace } = await import("./windowBounds.ts");

const folder = mkdtempSync(join(tmpdir(), "switchyard-bounds-"));
const file = join(folder, "window.json");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The stand-in has one display of 1920 × 1080.
test.each([
  ["as last time", { x: 100, y: 50, width: 1200, height: 800, maximized: true }, { bounds: { x: 100, y: 50, width: 1200, height: 800 }, maximized: true }],
  ["centred when it lay on a display that is gone", { x: 4000, y: 50, width: 1200, height: 800, maximized: false }, { bounds: { width: 1200, height: 800 }, maximized: false }],
  ["centred when its title bar is above the display", { x: 0, y: -500, width: 1200, height: 800, maximized: false }, { bounds: { width: 1200, height: 800 }, maximized: false }],
  ["no larger than the display", { x: 0, y: 0, width: 5000, height: 3000, maximized: false }, { bounds: { x: 0, y: 0, width: 1920, height: 1080 }, maximized: false }],
  ["no smaller than can be used", { x: 0, y: 0, width: 20, height: 20, maximized: false }, { bounds: { width: 800, height: 500 }, maximized: false }],
])("opens %s", (_how, stored, expected) => {
  writeFileSync(file, JSON.stringify(stored));
  expect(rememberedPlace(file)).toEqual(expected);
});

test.each(["", "{", "[]", "{\"x\":\"0\"}", "{\"x\":0,\"y\":0,\"width\":-1,\"height\":1,\"maximized\":false}"])("opens at the default size when the file holds %j", (text) => {
  writeFileSync(file, text);
  expect(rememberedPlace(file)).toEqual({ bounds: { width: 1440, height: 900 }, maximized: false });
});
