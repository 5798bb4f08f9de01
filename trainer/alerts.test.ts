// Each alert at both sides of its threshold, once an episode, and again after it cleared.
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AlertEvent } from "../contract/events.ts";
import type { LayerRouting } from "../native/switchyard.d.ts";
import { Alerts, AlertState, THRESHOLDS, type NewAlert } from "./alerts.ts";
import { DiskSpace } from "./diskSpace.ts";
import { STALL, Stall } from "./stall.ts";

const layer = (load: number[], more: Partial<LayerRouting> = {}): LayerRouting => ({
  stack: "encoder", layer: 1, experts: load.length, capacity: 1000, groups: 1, tokens: load.reduce((a, b) => a + b, 0), load, kept: load,
  probability: load, entropy: 1, confidence: 0.5, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [], ...more,
});
/** Codes raised by recorded steps with these layers, one array a step. */
const codes = (steps: LayerRouting[], alerts = new Alerts()): string[][] =>
  steps.map((routing, i) => alerts.observe({ step: i + 1, loss: 2, routing: [routing] }).map(({ code }) => code));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

test("what a capacity factor below 1 leaves no place for is no drop to warn of", () => {
  // 400 tokens and 4 · 50 places: half is dropped however even the loads are.
  const meant = layer([100, 100, 100, 100], { capacity: 50, dropped: 0.55 }), uneven = layer([100, 100, 100, 100], { capacity: 50, dropped: 0.81 });
  expect(codes(times(40, meant)).flat()).toEqual([]);
  expect(codes(times(40, uneven)).flat()).toEqual(["drop-rate"]);
});

describe("dead expert", () => {
  // Fair share is 100 of 400; 10 is the threshold itself, 9 is under it.
  const [alive, dead, revived] = [layer([130, 130, 130, 10]), layer([130, 130, 131, 9]), layer([126, 126, 127, 21])];
  test("under a tenth of the fair share over the whole window, and not before it is full", () => {
    expect(codes(times(40, alive)).flat()).toEqual([]);
    const raised = codes(times(40, dead));
    expect(raised.slice(0, THRESHOLDS.window - 1).flat()).toEqual([]);
    expect(raised[THRESHOLDS.window - 1]).toEqual(["dead-expert"]);
    expect(raised.slice(THRESHOLDS.window).flat()).toEqual([]);
  });
  test("names the expert, and says it again after it lived", () => {
    const alerts = new Alerts();
    codes(times(19, dead), alerts);
    const [alert] = alerts.observe({ step: 20, loss: 2, routing: [dead] });
    expect(alert).toMatchObject({ code: "dead-expert", level: "warning", stack: "encoder", layer: 1, expert: 3, step: 20, message: expect.stringContaining("Expert 3 of encoder layer 1 got 9.0%") });
    expect(alerts.deadExperts).toBe(1);
    expect(codes(times(20, revived), alerts).flat()).toEqual([]);
    expect(alerts.deadExperts).toBe(0);
    expect(codes(times(20, dead), alerts).flat()).toEqual(["dead-expert"]);
  });
});

test.each<[string, LayerRouting, LayerRouting, LayerRouting, string]>([
  ["overload", layer([50, 10, 10, 10, 5, 5, 5, 5]), layer([51, 10, 10, 10, 5, 5, 5, 4]), layer([37, 10, 10, 10, 9, 8, 8, 8]), "Expert 0 of encoder layer 1 got 4.1 times"],
  ["drop-rate", layer([5, 5], { dropped: 0.3 }), layer([5, 5], { dropped: 0.31 }), layer([5, 5], { dropped: 0.19 }), "31% of the tokens of encoder layer 1 were dropped"],
])("%s: over a whole window, not at the threshold, once above it, again only after it cleared", (code, at, above, cleared, message) => {
  const { window } = THRESHOLDS;
  expect(codes(times(2 * window, at)).flat()).toEqual([]);
  const alerts = new Alerts(), raised = codes(times(3 * window, above), alerts).flatMap((one, i) => one.map((name) => [name, i]));
  expect(raised).toEqual([[code, window - 1]]);
  expect(codes([...times(2 * window, cleared), ...times(2 * window, above)], alerts).flat()).toEqual([code]);
  const fresh = new Alerts();
  codes(times(window - 1, above), fresh);
  expect(fresh.observe({ step: window, loss: 2, routing: [above] })[0]).toMatchObject({ code, message: expect.stringContaining(message) });
});
test("a single batch far out of balance raises neither overload nor drop-rate", () => {
  const calm = layer([10, 10, 10, 10, 10, 10, 10, 10]), wild = layer([52, 4, 4, 4, 4, 4, 4, 4], { dropped: 0.6 });
  expect(codes([...times(30, calm), wild, ...times(30, calm)]).flat()).toEqual([]);
});
test.each<[string, LayerRouting, LayerRouting, LayerRouting, string]>([
  ["collapse", layer([80, 10, 10]), layer([81, 10, 9]), layer([59, 21, 20]), "Expert 0 of encoder layer 1 takes 81%"],
])("%s: not at the threshold, once above it, again only after it cleared", (code, at, above, cleared, message) => {
  expect(codes([at, at]).flat()).toEqual([]);
  expect(codes([above, above, at, above, cleared, above])).toEqual([[code], [], [], [], [], [code]]);
  expect(new Alerts().observe({ step: 1, loss: 2, routing: [above] })[0]).toMatchObject({ code, message: expect.stringContaining(message) });
});
test("with two experts one may take nearly all without a collapse; layers are judged by themselves", () => {
  expect(codes([layer([95, 5])]).flat()).toEqual([]);
  const both = [layer([90, 5, 5]), layer([90, 5, 5], { stack: "decoder" })];
  expect(new Alerts().observe({ step: 1, loss: 2, routing: both }).map(({ stack }) => stack)).toEqual(["encoder", "decoder"]);
});

describe("loss spike", () => {
  // Mean 2, standard deviation 0.1.
  const calm = (alerts: Alerts, steps: number) => Array.from({ length: steps }, (_, i) => alerts.observe({ step: i + 1, loss: 2 + (i % 2 ? 0.1 : -0.1) })).flat();
  const spikes = (loss: number, before = 60): string[] => {
    const alerts = new Alerts();
    expect(calm(alerts, before)).toEqual([]);
    return alerts.observe({ step: before + 1, loss }).map(({ code }) => code);
  };
  test("above six standard deviations, once there are fifty losses", () => {
    expect(spikes(2.55)).toEqual([]);
    expect(spikes(2.65)).toEqual(["spike"]);
    expect(spikes(2.65, THRESHOLDS.spikeAfter - 1)).toEqual([]);
    expect(spikes(2.65, THRESHOLDS.spikeAfter)).toEqual(["spike"]);
  });
  test("never within 20% of the mean, however steady it was", () => {
    const judge = (loss: number) => {
      const alerts = new Alerts();
      for (let i = 0; i < 60; i++) alerts.observe({ step: i, loss: 2 });
      return alerts.observe({ step: 60, loss }).map(({ code }) => code);
    };
    expect(judge(2.39)).toEqual([]);
    expect(judge(2.41)).toEqual(["spike"]);
  });
  test("a loss that stays up is one spike; after it came down the next is another", () => {
    const alerts = new Alerts();
    calm(alerts, 60);
    const of = (loss: number) => alerts.observe({ step: 1, loss }).length;
    expect([of(4), of(4), of(4)]).toEqual([1, 0, 0]);
    calm(alerts, 200);
    expect(of(4)).toBe(1);
  });
});

describe("stall", () => {
  const after = (count: number, seconds = 1) => {
    const stall = new Stall();
    for (let i = 1; i <= count; i++) expect(stall.finished(i, seconds)).toBeNull();
    return stall;
  };
  test("a finished step above ten medians, once there are twenty", () => {
    expect(after(STALL.after, 2).finished(21, 20)).toBeNull();
    expect(after(STALL.after, 2).finished(21, 20.1)).toMatchObject({ code: "stall", level: "warning", step: 21, message: "Step 21 took 20 s, 10 times the 2.0 s of most steps; see what else uses this machine." });
    expect(after(STALL.after - 1, 2).finished(20, 20.1)).toBeNull();
  });
  test("short steps may vary by less than five seconds", () => {
    expect(after(40, 0.01).finished(41, 5)).toBeNull();
    expect(after(40, 0.21).finished(41, 5.22)).toMatchObject({ code: "stall", message: "Step 41 took 5.2 s, 25 times the 210 ms of most steps; see what else uses this machine." });
  });
  test("one alert until steps are as quick as before", () => {
    const stall = after(30);
    expect([12, 12, 1, 12].map((seconds, i) => stall.finished(31 + i, seconds)?.code)).toEqual(["stall", undefined, undefined, "stall"]);
  });
  test("a step that does not finish, said while it goes on", () => {
    const stall = after(30);
    expect([STALL.stuckLeast, 30.1, 60].map((seconds) => stall.waiting(31, seconds)?.code)).toEqual([undefined, "stall", undefined]);
    expect(stall.finished(31, 61)).toBeNull();
    expect([60, 60.1].map((seconds) => after(30, 3).waiting(31, seconds)?.code)).toEqual([undefined, "stall"]);
  });
  test("the first step has longer", () => {
    expect([STALL.first, STALL.first + 1].map((seconds) => new Stall().waiting(1, seconds)?.code)).toEqual([undefined, "stall"]);
  });
});

test("disk: less than two checkpoints' room, once, and again after there was room", () => {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-disk-"));
  const { bavail, bsize } = statfsSync(folder), free = bavail * bsize;
  const disk = new DiskSpace(folder);
  // Other programs use this disk too, so the sizes leave them some room.
  const of = (part: number) => disk.look(7, free * part)?.code;
  expect([of(0.3), of(0.45)]).toEqual([undefined, undefined]);
  expect(new DiskSpace(folder).look(7, free * 0.6)).toMatchObject({ code: "disk", level: "warning", step: 7, message: expect.stringMatching(/^The disk with the run has .* (GiB|MiB|TiB) free, less than the .* that the next 2 checkpoints need; free some space/) });
  expect([of(0.6), of(0.6), of(0.45), of(0.6), of(0.3), of(0.6)]).toEqual(["disk", undefined, undefined, undefined, undefined, "disk"]);
  rmSync(folder, { recursive: true });
});

test("what was seen is kept: going on from it says what an uninterrupted run says", () => {
  const random = (() => { let s = 7; return () => (s = (s * 16807) % 2147483647) / 2147483647; })();
  const steps = Array.from({ length: 300 }, (_, i) => ({
    step: i + 1, loss: 2 + random() * 0.2 + (i % 71 === 70 ? 3 : 0),
    ...(i % 3 === 0 ? { routing: [layer([random() * 40, random() * 300, i > 80 && i < 200 ? 0 : 100, 100].map(Math.round), { dropped: random() * 0.5 })] } : {}),
  }));
  const whole = new Alerts(), expected = steps.map((step) => [whole.observe(step), whole.deadExperts]);
  const seen = expected.flatMap(([raised]) => (raised as NewAlert[]).map(({ code }) => code));
  expect(seen).toEqual(expect.arrayContaining(["dead-expert", "spike", "drop-rate"]));
  for (const cut of [1, 30, 59, 100, 139, 150, 201]) {
    const before = new Alerts();
    for (const step of steps.slice(0, cut)) before.observe(step);
    const after = new Alerts(AlertState.parse(JSON.parse(JSON.stringify(before.state()))));
    expect(after.deadExperts).toBe(expected[cut - 1]![1]);
    expect(steps.slice(cut).map((step) => [after.observe(step), after.deadExperts])).toEqual(expected.slice(cut));
  }
  for (const alert of expected.flatMap(([raised]) => raised as NewAlert[])) AlertEvent.parse({ v: 1, attempt: 1, seq: 0, t: 0, ...alert });
});
