// One queue for everything that draws. What a person does (pointer, keys) is drawn in the next frame. What comes by itself
// (live rows) waits its turn: one such chart a frame and each a few times a second, however many rows arrive, because
// a chart's real cost, filling pixels, comes after its draw call has returned and can't be measured here.

type Draw = () => void;

/** Milliseconds between two draws of the same live chart. */
export const LIVE_INTERVAL = 250;

const now = new Set<Draw>();
const live = new Set<Draw>();
const drawnAt = new WeakMap<Draw, number>();
let requested = false;

function runFrame(): void {
  requested = false;
  const urgent = [...now];
  now.clear();
  for (const draw of urgent) run(draw);
  const time = performance.now();
  for (const draw of live) {
    if (time - (drawnAt.get(draw) ?? -Infinity) < LIVE_INTERVAL) continue;
    run(draw);
    break;
  }
  if (now.size + live.size > 0) request();
}

function run(draw: Draw): void {
  live.delete(draw);
  drawnAt.set(draw, performance.now());
  draw();
}

function request(): void {
  if (requested) return;
  requested = true;
  requestAnimationFrame(runFrame);
}

/** Draws in the next frame. Asking again before that changes nothing. */
export function drawSoon(draw: Draw): void {
  now.add(draw);
  request();
}

/** Draws in a coming frame, when it is this chart's turn. */
export function drawLive(draw: Draw): void {
  live.add(draw);
  request();
}

/** Takes back what was asked for. */
export function drawNever(draw: Draw): void {
  now.delete(draw);
  live.delete(draw);
}
