import { expect, test } from "vitest";
import { RunSpec } from "../../../contract/runSpec.ts";
import { slicesOf } from "./slices.ts";

const spec = (mesh: object, model: object = {}) => RunSpec.parse({ mesh, model: { dFf: 1024, heads: 4, sparse: { experts: 8 }, ...model }, training: { batchSize: 16 } });

test("ranks count along model first, and each axis cuts what is its own", () => {
  const slices = slicesOf(spec({ data: 2, expert: 2, model: 2 }));
  expect(slices.map(({ batch }) => batch.text)).toEqual(["0–3", "0–3", "4–7", "4–7", "8–11", "8–11", "12–15", "12–15"].map((rows) => `sequences ${rows}`));
  expect(slices.map(({ dense }) => dense.number)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  expect(slices[3]!.dense.text).toBe("heads 2–3, columns 512–1,023");
  expect(slices[3]!.experts).toEqual({ number: 3, text: "experts 4–7, columns 512–1,023" });
  // The data axis copies experts.
  expect(slices.map(({ experts }) => experts!.number)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
});

test("what is not cut is told as whole", () => {
  const [first] = slicesOf(spec({ data: 1, expert: 1, model: 1 }, { sparse: null }));
  expect(first).toEqual({ rank: 0, batch: { number: 0, text: "all sequences" }, dense: { number: 0, text: "all heads, all columns" }, experts: null });
});
