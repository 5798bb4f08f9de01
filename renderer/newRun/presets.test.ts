import { expect, test } from "vitest";
import { check, draftOf } from "../spec/draft.ts";
import { PRESETS } from "./presets.ts";

test.each(PRESETS)("$title is a spec that can be trained", ({ spec }) => {
  const { issues } = check(draftOf(spec));
  expect([...issues]).toEqual([]);
});
test("each preset has a name of its own", () => expect(new Set(PRESETS.map(({ spec }) => (spec as { name: string }).name)).size).toBe(PRESETS.length));
