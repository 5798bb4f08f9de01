import { expect, test } from "vitest";
import { clockTime, day, moment } from "./moment.ts";

test("a moment reads the same on every machine of a time zone", () => {
  const seconds = new Date(2026, 0, 3, 4, 5, 6).getTime() / 1000;
  expect([day(seconds), clockTime(seconds), moment(seconds)]).toEqual(["2026-01-03", "04:05:06", "2026-01-03 04:05:06"]);
});
