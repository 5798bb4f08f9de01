// What a run is busy with besides steps, from the first phase on, and no longer than it lasts.
import { expect, test } from "vitest";
import type { RunEvent } from "../contract/events.ts";
import { RunWriter } from "./applyEvents.ts";
import { openWritable } from "./database.ts";
import { addRun, readRun } from "./runRows.ts";

test("progress comes with its event, also before the attempt's first, and goes with what it led to", () => {
  const db = openWritable(":memory:");
  const run = addRun(db, { id: "0199aaaa-0000-7000-8000-000000000000", spec: "{}", name: "a", steps: 10, experts: null, sparseLayers: 0, createdAt: 1 });
  const writer = new RunWriter(db, run);
  let seq = 0;
  const after = (event: object): unknown => {
    writer.apply({ events: [{ v: 1, attempt: 1, seq: seq++, t: 1, ...event } as RunEvent], offset: seq, unparsable: 0, oversized: 0 });
    const summary = readRun(db, run, false)!;
    return summary.progress && summary.progress.phase;
  };
  const phases = [
    after({ kind: "progress", phase: "building-model", done: 0, total: 5, unit: "parameters" }),
    after({ kind: "attempt", fromStep: 0, parameters: 5, device: "cpu", precision: "fp32" }),
    after({ kind: "progress", phase: "first-step", done: 0, total: 1, unit: "step" }),
    after({ kind: "metrics", step: 1, tokens: 1, seconds: 1, values: { loss: 1 } }),
    after({ kind: "progress", phase: "evaluating", done: 1, total: 2, unit: "batches" }),
    after({ kind: "evaluation", step: 1, tokens: 1, seconds: 1, values: { loss: 1 } }),
    after({ kind: "progress", phase: "saving-checkpoint", done: 0, total: null, unit: "bytes" }),
    after({ kind: "checkpoint", step: 1, action: "written", reason: "schedule", bytes: 1, evaluationLoss: null, best: false }),
  ];
  expect(phases).toEqual(["building-model", null, "first-step", null, "evaluating", null, "saving-checkpoint", null]);
  db.close();
});
