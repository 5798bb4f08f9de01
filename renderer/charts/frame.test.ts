import { afterEach, beforeEach, expect, test, vi } from "vitest";

let frames: (() => void)[] = [];
let time = 0;
const frame = (milliseconds = 16): void => {
  time += milliseconds;
  const waiting = frames;
  frames = [];
  for (const run of waiting) run();
};

beforeEach(() => {
  vi.resetModules();
  frames = [];
  time = 1000;
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  vi.stubGlobal("performance", { now: () => time });
});
afterEach(() => void vi.unstubAllGlobals());

test("a chart asked for many times is drawn once in the next frame", async () => {
  const { drawSoon } = await import("./frame.ts");
  const draw = vi.fn();
  for (let i = 0; i < 50; i++) drawSoon(draw);
  expect(draw).not.toHaveBeenCalled();
  frame();
  frame();
  expect(draw).toHaveBeenCalledTimes(1);
});

test("live charts take turns, one a frame, and none is forgotten", async () => {
  const { drawLive } = await import("./frame.ts");
  const drawn: number[] = [];
  const charts = Array.from({ length: 5 }, (_, i) => () => { drawn.push(i); });
  for (const chart of charts) drawLive(chart);
  frame();
  expect(drawn).toEqual([0]);
  for (let i = 0; i < 4; i++) frame();
  expect(drawn).toEqual([0, 1, 2, 3, 4]);
});

test("a chart with rows in every frame is drawn a few times a second, the last state included", async () => {
  const { drawLive, LIVE_INTERVAL } = await import("./frame.ts");
  const draw = vi.fn();
  for (let i = 0; i < 62; i++) {
    drawLive(draw);
    frame();
  }
  expect(draw.mock.calls.length).toBeGreaterThanOrEqual(3);
  expect(draw.mock.calls.length).toBeLessThanOrEqual(1000 / LIVE_INTERVAL + 1);
  const before = draw.mock.calls.length;
  drawLive(draw);
  for (let i = 0; i < 20; i++) frame();
  expect(draw.mock.calls.length).toBe(before + 1);
});

test("what a person does goes first and doesn't wait", async () => {
  const { drawLive, drawSoon } = await import("./frame.ts");
  const draw = vi.fn();
  drawLive(draw);
  frame();
  drawLive(draw);
  drawSoon(draw);
  frame();
  expect(draw).toHaveBeenCalledTimes(2);
});

test("a draw taken back does not happen", async () => {
  const { drawLive, drawNever, drawSoon } = await import("./frame.ts");
  const draw = vi.fn();
  drawSoon(draw);
  drawLive(draw);
  drawNever(draw);
  frame();
  expect(draw).not.toHaveBeenCalled();
});
