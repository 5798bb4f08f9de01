import { expect, test } from "vitest";
import { enginesFound } from "./engineText.ts";

const silent = { slurm: { version: "25.11.1", partitions: [] }, ray: null };

test("a Slurm without a partition is told of where runs are handed to it, and nowhere else", () => {
  expect(enginesFound(silent, { kind: "slurm", options: [] })).toEqual([{ title: "Slurm", value: "25.11.1", note: "no partition named" }]);
  expect(enginesFound(silent, undefined)).toEqual([]);
  expect(enginesFound({ ...silent, slurm: { version: "25.11.1", partitions: [{ name: "main", isDefault: true, up: true, nodes: 1, timeLimit: "infinite" }] } }, undefined))
    .toEqual([{ title: "Slurm", value: "25.11.1", note: "main (default, 1 node)" }]);
});
