import { expect, test } from "vitest";
import { RunSpec } from "../../contract/runSpec.ts";
import { denseIndex } from "./denseIndex.ts";

const sparse = RunSpec.parse({}), dense = RunSpec.parse({ model: { sparse: null } });
const student = RunSpec.parse({ model: { sparse: null }, distillation: { teacher: { kind: "model", id: "0199aaaa-0000-7000-8000-00000000000a" } } });

test("gain is measured from a dense run that had no teacher, the baseline first", () => {
  expect(denseIndex([sparse, student, dense, dense], 0)).toBe(2);
  expect(denseIndex([sparse, student, dense, dense], 3)).toBe(3);
  expect(denseIndex([student, sparse], 0)).toBeNull();
  expect(denseIndex([undefined, dense], 0)).toBe(1);
});
