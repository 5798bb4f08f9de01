import { expect, test } from "vitest";
import { orderAfterDrop, orderedIds } from "./panelOrder.ts";

test("a stored order holds, what is new comes in where it belongs, what is gone is left out", () => {
  expect(orderedIds(["a", "b", "c"], [])).toEqual(["a", "b", "c"]);
  expect(orderedIds(["a", "b", "c"], ["c", "x", "a", "c"])).toEqual(["c", "b", "a"]);
});
test("dropping takes the target's place, in both directions", () => {
  expect(orderAfterDrop(["a", "b", "c", "d"], "a", "c")).toEqual(["b", "c", "a", "d"]);
  expect(orderAfterDrop(["a", "b", "c", "d"], "d", "b")).toEqual(["a", "d", "b", "c"]);
  expect(orderAfterDrop(["a", "b"], "a", "gone")).toEqual(["a", "b"]);
});
