import { expect, test } from "vitest";
import { reasonOf, withoutElectron } from "./electronBinary.ts";

test.each([
  ["TypeError: fetch failed\n    at node:internal/deps/undici/undici:15845:13\n", "its download server can't be reached"],
  ["Error: connect ECONNREFUSED 127.0.0.1:1\n", "its download server can't be reached"],
  ["HTTPError: Response status code 403 (Forbidden)\n    at x", "the server refused the download with status 403"],
  ["Error: ENOSPC: no space left on device, write", "the disk is full"],
  ["Error: EACCES: permission denied, mkdir '/root'", "its folder can't be written"],
  ["Error: Generated checksum for \"electron.zip\" did not match", "what came does not match its checksum"],
  ["Error: something new\n    at x", "its installer failed: Error: something new"],
  ["", "its installer failed"],
])("the installer's %j in plain words", (output, reason) => expect(reasonOf(output)).toBe(reason));

test("says what, why and what happens instead", () => {
  expect(withoutElectron("the disk is full", true)).toBe("Electron is not here (the disk is full), so the window opens in Chromium instead.");
  expect(withoutElectron("the disk is full", false)).toBe("Electron is not here (the disk is full), so Switchyard is served for a browser instead.");
  expect(reasonOf("", Object.assign(new Error("x"), { code: "ETIMEDOUT" }))).toBe("its download did not end in five minutes");
});
