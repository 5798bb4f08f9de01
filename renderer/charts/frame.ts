// One queue for everything that draws: a chart asks to be drawn as often as it likes and is drawn at most once a frame.
// When a frame's share of time is used up, the rest waits for the next one, so many charts never cost a frame.

/** Milliseconds of a 16.7 ms frame that drawing may take; at least one chart is drawn in each. */
const BUDGET = 8;

type Draw = () => void;
const waiting = new Set<Draw>();
let requested = false;

function runFrame(): void {
  requested = false;
  const end = performance.now() + BUDGET;
  for (const draw of waiting) {
    waiting.delete(draw);
    draw();
    if (performance.now() >= end) break;
  }
  if (waiting.size > 0) request();
}

function request(): void {
  if (requested) return;
  requested = true;
  requestAnimationFrame(runFrame);
}

/** Draws in the next frame, or in the one after where the next is full. Asking again before that changes nothing. */
export function drawSoon(draw: Draw): void {
  waiting.add(draw);
  request();
}

/** Takes back what was asked for. */
export function drawNever(draw: Draw): void {
  waiting.delete(draw);
}
