import { expect, test } from "vitest";
import { check, draftOf, readJson, typedNumber, valueAt, withValue } from "./draft.ts";

const start = draftOf({});

test("a value is read and written by its path, and the rest stays the same object", () => {
  const changed = withValue(start, "model.sparse.experts", 16);
  expect(valueAt(changed, "model.sparse.experts")).toBe(16);
  expect(valueAt(start, "model.sparse.experts")).toBe(8);
  expect(changed["data"]).toBe(start["data"]);
  expect(valueAt(start, "model.sparse.capacityFactor.none.deeper")).toBeUndefined();
  expect(valueAt(withValue({ model: null }, "model.dModel", 8), "model.dModel")).toBe(8);
});

test("what was typed is a number where it is one, and otherwise refused at its field", () => {
  expect([typedNumber("1e-3"), typedNumber(" 12 "), typedNumber(""), typedNumber("12 apples"), typedNumber("Infinity")]).toEqual([0.001, 12, "", "12 apples", "Infinity"]);
  const { spec, issues } = check(withValue(start, "model.dModel", typedNumber("wide")));
  expect(spec).toBeNull();
  expect([...issues]).toEqual([["model.dModel", "Must be a number."]]);
});

test("a pasted spec gets its defaults, and one with mistakes keeps them beside the defaults of the rest", () => {
  expect(readJson('{"model":{"dModel":64}}')).toEqual(draftOf({ model: { dModel: 64 } }));
  const wrong = readJson('{"model":{"dModel":1,"width":3,"sparse":null},"training":{"optimizer":{"kind":"adafactor","decayRate":7}}}');
  expect(wrong).toMatchObject({ name: "untitled", model: { dModel: 1, width: 3, sparse: null, dFf: 1024 }, training: { steps: 2000, optimizer: { kind: "adafactor", decayRate: 7 } } });
  expect([...check(wrong).issues.keys()].sort()).toEqual(["model.dModel", "model.width", "training.optimizer.decayRate"]);
  expect(() => readJson("{")).toThrow(/^This is not JSON/);
  expect(() => readJson("[1]")).toThrow("A spec is a JSON object.");
});
