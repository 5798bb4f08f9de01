import { describe, expect, test } from "vitest";
import type { RoutingRow } from "../../contract/handlers.ts";
import { HistoryBuffer, type HistoryStep } from "./routingHistory.ts";
import { expertCells, layerTimeCells } from "./timeCells.ts";

const row = (step: number, load: number[]): RoutingRow => ({
  step, stack: "encoder", layer: 1, experts: load.length, capacity: 10, groups: 1, tokens: load.reduce((a, b) => a + b), load, kept: load.map((n) => Math.min(n, 10)),
  probability: load, entropy: 1, confidence: 0.5, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [],
});
const buffer = (rows: RoutingRow[], points = 100): HistoryBuffer => {
  const made = new HistoryBuffer(points);
  for (const one of rows) made.append(one);
  return made;
};
const history = (rows: RoutingRow[]): readonly HistoryStep[] => buffer(rows).steps;

test("experts over time: each column relative to its own fair share, dead ones hatched", () => {
  const { cells, steps } = expertCells(history([row(5, [10, 10]), row(10, [39, 1])]));
  expect(steps).toEqual([5, 10]);
  expect(Array.from(cells.values)).toEqual([1, 1.95, 1, 0.05]);
  expect(Array.from(cells.hatched!)).toEqual([0, 0, 0, 1]);
  expect(cells.rowLabels).toEqual(["expert 0", "expert 1"]);
});
test("layers over time line up by step, and one that begins later has gaps before it", () => {
  const a = history([row(5, [1, 1]), row(10, [1, 3]), row(15, [2, 2])]);
  const b = history([row(10, [4, 0])]);
  const { cells, least, greatest } = layerTimeCells([a, b], ["enc 1", "enc 3"], (step) => Math.max(...step.load));
  expect(Array.from(cells.values)).toEqual([1, 3, 2, Number.NaN, 4, 4]);
  expect([least, greatest]).toEqual([1, 4]);
});
test("no history is no cell", () => expect(expertCells([]).cells.values.length).toBe(0));

describe("HistoryBuffer", () => {
  test("stays bounded and loses no token when neighbours are added up", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => row(i + 1, [30, 10]));
    const made = buffer(rows, 20);
    expect(made.steps.length).toBeLessThanOrEqual(40);
    expect(made.steps.reduce((total, step) => total + step.load[0]!, 0)).toBe(30_000);
    expect(made.steps.reduce((total, step) => total + step.tokens, 0)).toBe(40_000);
    expect(made.steps.at(-1)!.step).toBe(1000);
    expect(made.steps[0]!.entropy).toBeCloseTo(1, 12);
  });
  test("a row that is here already is left out; a reset drops what it supersedes", () => {
    const made = buffer([row(5, [1, 1]), row(10, [1, 1])]);
    expect(made.append(row(10, [9, 9]))).toBe(false);
    made.truncateAfter(5);
    expect(made.append(row(10, [9, 9]))).toBe(true);
    expect(made.steps.map((step) => step.step)).toEqual([5, 10]);
  });
});
