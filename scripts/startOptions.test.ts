import { expect, test } from "vitest";
import { parseStartOptions } from "./startOptions.ts";

test("reads the options of npm start", () => {
  expect(parseStartOptions([])).toEqual({ home: undefined, port: 0, browserOnly: false, help: false });
  expect(parseStartOptions(["--home", "/data", "--port", "8080", "--browser"])).toEqual({ home: "/data", port: 8080, browserOnly: true, help: false });
});

test.each([[["--port", "http"]], [["--port", "70000"]], [["--hom", "/data"]], [["extra"]]])("refuses %j", (args) => {
  expect(() => parseStartOptions(args)).toThrow();
});
