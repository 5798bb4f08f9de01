import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RoutingRow, RunRows, Series } from "../../contract/handlers.ts";
import { LiveRouting } from "./liveRouting.ts";
import { LiveRuns } from "./live.ts";
import { LiveSeries } from "./liveSeries.ts";
import type { Backend } from "./liveStore.ts";

const RUN = "0191d6a0-0000-7000-8000-000000000001";
const rows = (cursor: number, over: Partial<RunRows> = {}): RunRows => ({ cursor, resetAfterStep: null, metrics: [], routing: [], alerts: [], log: [], checkpointsChanged: false, ...over });
const metric = (step: number, loss: number) => ({ step, tokens: step * 10, seconds: step, values: { loss } });
const series = (steps: number[], cursor: number): Series => ({
  name: "loss", reduced: false, count: steps.length, step: steps, tokens: steps.map((s) => s * 10), seconds: steps, last: steps, min: steps, max: steps, cursor,
});
const routingRow = (step: number, layer: number): RoutingRow => ({
  step, stack: "encoder", layer, experts: 2, capacity: 5, groups: 1, tokens: 10, load: [5, 5], kept: [5, 5], probability: [5, 5],
  entropy: 0.6, confidence: 0.7, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [],
});

/** A backend whose answers the test gives, one by one. */
function askedBackend() {
  const asked: { name: string; args: unknown; answer: (value: unknown) => void; fail: (error: Error) => void }[] = [];
  const subscribed: { topic: string; args: unknown; push: (rows: RunRows) => void; stopped: boolean }[] = [];
  const backend = {
    send: (name: string, args: unknown) => new Promise((answer, fail) => asked.push({ name, args, answer, fail })),
    subscribe: (topic: string, args: unknown, push: (rows: RunRows) => void) => {
      const one = { topic, args, push, stopped: false };
      subscribed.push(one);
      return () => { one.stopped = true; };
    },
    onConnection: () => () => {},
  } as unknown as Backend;
  return { backend, asked, subscribed };
}
const settled = () => new Promise<void>((resolve) => { const channel = new MessageChannel(); channel.port1.onmessage = () => { channel.port1.close(); resolve(); }; channel.port2.postMessage(null); });
const shownSteps = (live: LiveSeries): number[] => Array.from(live.columns.step.subarray(0, live.columns.length));

describe("LiveSeries", () => {
  test("rows pushed while the series is on its way are neither lost nor doubled", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", null, 100, () => {});
    live.take(rows(3, { metrics: [metric(2, 2), metric(3, 3)] }));
    live.take(rows(5, { metrics: [metric(4, 4), metric(5, 5)] }));
    asked[0]!.answer(series([1, 2, 3], 3));
    await settled();
    expect(shownSteps(live)).toEqual([1, 2, 3, 4, 5]);
    expect(live.status).toBe("ready");
  });
  test("a reset supersedes rows and rows of the new attempt follow", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", null, 100, () => {});
    asked[0]!.answer(series([1, 2, 3, 4], 4));
    await settled();
    live.take(rows(6, { resetAfterStep: 2, metrics: [metric(3, 30)] }));
    expect(shownSteps(live)).toEqual([1, 2, 3]);
    expect(live.columns.last[2]).toBe(30);
  });
  test("a push that the loaded series knows already changes nothing, even its reset", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", null, 100, () => {});
    asked[0]!.answer(series([1, 2, 3, 4], 9));
    await settled();
    live.take(rows(8, { resetAfterStep: 1 }));
    expect(shownSteps(live)).toEqual([1, 2, 3, 4]);
  });
  test("a zoom takes only rows inside it", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", { from: 2, to: 4 }, 100, () => {});
    expect(asked[0]!.args).toMatchObject({ from: 2, to: 4, points: 100 });
    asked[0]!.answer(series([2, 3], 3));
    await settled();
    live.take(rows(9, { metrics: [metric(4, 4), metric(5, 5)] }));
    expect(shownSteps(live)).toEqual([2, 3, 4]);
  });
  test("says when nothing is recorded, and comes alive with the first row", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", null, 100, () => {});
    asked[0]!.answer(series([], 0));
    await settled();
    expect([live.status, live.message]).toEqual(["absent", "No values of cross-entropy."]);
    live.take(rows(1, { metrics: [metric(1, 5)] }));
    expect(live.status).toBe("ready");
  });
  test("a failed request is told in its own sentence", async () => {
    const { backend, asked } = askedBackend();
    const live = new LiveSeries(backend, RUN, "loss", null, 100, () => {});
    asked[0]!.fail(new Error("The run is gone."));
    await settled();
    expect([live.status, live.message]).toEqual(["error", "The run is gone."]);
  });
});

describe("LiveRouting", () => {
  const start = async (steps: number[], newest: RoutingRow[]) => {
    const made = askedBackend();
    const live = new LiveRouting(made.backend, RUN);
    made.asked[0]!.answer({ steps, count: steps.length });
    made.asked[1]!.answer(newest);
    await settled();
    return { live, ...made };
  };
  test("the newest step is shown only once all its layers are here", async () => {
    const { live } = await start([5, 10], [routingRow(10, 1), routingRow(10, 3)]);
    live.take(rows(1, { routing: [routingRow(15, 1)] }));
    expect(live.stepAt(null)).toBe(10);
    live.take(rows(2, { routing: [routingRow(15, 3)] }));
    expect(live.stepAt(null)).toBe(15);
    expect(live.rowsAt(null).rows?.length).toBe(2);
  });
  test("a scrubbed step is asked for once and kept", async () => {
    const { live, asked } = await start([5, 10], [routingRow(10, 1)]);
    expect(live.rowsAt(7)).toEqual({ rows: null, step: 5, error: null });
    live.rowsAt(7);
    expect(asked.length).toBe(3);
    asked[2]!.answer([routingRow(5, 1)]);
    await settled();
    expect(live.rowsAt(7).rows?.[0]?.step).toBe(5);
    expect(asked.length).toBe(3);
  });
  test("dragging the slider asks for where it is, not for every step on the way", async () => {
    const { live, asked } = await start([5, 10, 15, 20, 25], [routingRow(25, 1)]);
    for (const step of [20, 15, 10, 5]) live.rowsAt(step);
    expect(asked.slice(2).map(({ args }) => (args as { step: number }).step)).toEqual([20]);
    asked[2]!.answer([routingRow(20, 1)]);
    await settled();
    expect(asked.slice(2).map(({ args }) => (args as { step: number }).step)).toEqual([20, 5]);
    asked[3]!.answer([routingRow(5, 1)]);
    await settled();
    expect(live.rowsAt(5).rows?.[0]?.step).toBe(5);
    expect(asked.length).toBe(4);
  });
  test("a reset forgets the steps after it", async () => {
    const { live } = await start([5, 10], [routingRow(10, 1)]);
    live.take(rows(3, { resetAfterStep: 5, routing: [routingRow(10, 1)] }));
    expect(live.steps).toEqual([5, 10]);
    live.take(rows(4, { resetAfterStep: 5 }));
    expect(live.steps).toEqual([5]);
  });
});

describe("LiveRuns", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());
  test("all charts of a run share one subscription after its cursor, given back when nobody looks", async () => {
    const { backend, asked, subscribed } = askedBackend();
    const runs = new LiveRuns(backend);
    const release = runs.hold(RUN);
    const again = runs.hold(RUN);
    expect(runs.get(RUN).metric("loss")).toBe(runs.get(RUN).metric("loss"));
    asked.find(({ name }) => name === "runs.get")!.answer({ cursor: 41 });
    await settled();
    expect(subscribed.map(({ topic, args }) => [topic, args])).toEqual([["run", { runId: RUN, after: 41 }]]);
    release();
    vi.advanceTimersByTime(60_000);
    expect(subscribed[0]!.stopped).toBe(false);
    again();
    vi.advanceTimersByTime(60_000);
    expect(subscribed[0]!.stopped).toBe(true);
  });
});
