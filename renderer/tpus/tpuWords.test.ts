import { expect, test } from "vitest";
import { isMoving } from "./tpuWords.ts";

test("what waits, starts or leaves is looked at again", () => {
  expect((["waiting", "starting", "ready", "leaving", "ended", "unknown"] as const).filter((phase) => isMoving({ phase }))).toEqual(["waiting", "starting", "leaving"]);
});
