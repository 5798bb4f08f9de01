import { expect, test } from "vitest";
import { ColumnMapping, readMapping } from "./columnMapping.ts";

test("metrics by column, and the columns of step and time", () => {
  const mapping = readMapping("loss=train loss, evaluation.loss = val/loss,step=tick,time=wall,");
  expect(mapping).toEqual({ metrics: { loss: "train loss", "evaluation.loss": "val/loss" }, columns: { step: "tick", time: "wall" } });
  expect(ColumnMapping.parse(mapping)).toEqual(mapping);
  expect(readMapping("  ")).toEqual({ metrics: {}, columns: {} });
});

test.each([["loss", /"loss" must be METRIC=COLUMN/], ["=x", /must be METRIC=COLUMN/], ["loss=", /must be METRIC=COLUMN/], ["my loss=x", /"my loss" can't be a metric's name/], ["1=x", /can't be a metric's name/]])("%s is refused in a sentence", (text, why) => {
  expect(() => readMapping(text)).toThrow(why);
});
