import { expect, test } from "vitest";
import { clampWidth, readSettings, SIDEBAR_WIDTH } from "./settings.ts";

test("settings that can't be read are as at the start", () => {
  const start = readSettings(null);
  for (const text of ["", "null", "[]", "{", '{"theme":"pink","sidebar":1,"sidebarWidth":"wide"}']) expect(readSettings(text), text).toEqual(start);
});

test("what was set is kept", () => {
  expect(readSettings('{"theme":"dark","sidebar":false,"sidebarWidth":320,"showArchived":true}')).toEqual({ theme: "dark", sidebar: false, sidebarWidth: 320, showArchived: true });
});

test("the sidebar can be neither lost nor take the window", () => {
  expect(clampWidth(-5)).toBe(SIDEBAR_WIDTH.least);
  expect(clampWidth(1e9)).toBe(SIDEBAR_WIDTH.greatest);
  expect(readSettings('{"sidebarWidth":1e400}').sidebarWidth).toBe(SIDEBAR_WIDTH.greatest);
});
