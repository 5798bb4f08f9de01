// Steps that take far longer than the run's own steps do: finished ones, and one that does not finish.
import { runAlert, type NewAlert } from "./alerts.ts";

export const STALL = {
  /** Step times that the median is taken of. */
  window: 101,
  /** Steps before a finished one is judged. */
  after: 20,
  /** Times the median: above the first and by at least `least` seconds it is slow; under the second it has cleared. */
  slow: [10, 2],
  least: 5,
  /** A step that does not finish: longer than this many medians, and than so many seconds. */
  stuck: 20,
  stuckLeast: 30,
  /** Seconds the first step may take, which also sets up memory. */
  first: 300,
} as const;

export class Stall {
  readonly #times: number[] = [];
  #raised = false;

  #median(): number {
    const sorted = [...this.#times].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }

  /** Judges the time of a finished step, in seconds. */
  finished(step: number, seconds: number): NewAlert | null {
    const median = this.#median(), enough = this.#times.length >= STALL.after;
    this.#times.push(seconds);
    if (this.#times.length > STALL.window) this.#times.shift();
    if (seconds < STALL.slow[1] * median) this.#raised = false;
    if (!enough || this.#raised || seconds <= STALL.slow[0] * median || seconds - median < STALL.least) return null;
    this.#raised = true;
    return runAlert(step, "warning", "stall", `Step ${step} took ${words(seconds)}, ${(seconds / median).toFixed(0)} times the ${words(median)} of most steps; see what else uses this machine.`);
  }

  /** Judges a step that has been going for so many seconds. */
  waiting(step: number, seconds: number): NewAlert | null {
    const median = this.#median();
    const limit = this.#times.length === 0 ? STALL.first : Math.max(STALL.stuckLeast, STALL.stuck * median);
    if (this.#raised || seconds <= limit) return null;
    this.#raised = true;
    return runAlert(step, "warning", "stall", `Step ${step} has not finished after ${words(seconds)}${median > 0 ? `; most steps take ${words(median)}` : ""}. See what else uses this machine, or stop the run.`);
  }
}

const words = (seconds: number): string => (seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`);
