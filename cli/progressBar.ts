// How far a run is: one line that is drawn over itself on a terminal; elsewhere a line for each phase that comes.
import { phaseWords } from "../contract/events.ts";
import { duration, format } from "./table.ts";
import { TerminalLine } from "./terminalLine.ts";
import type { RunGlance } from "./waitForRun.ts";

export class ProgressBar {
  #stream: NodeJS.WriteStream;
  #steps: number;
  #first: { step: number; at: number } | null = null;
  #line: TerminalLine;
  #said = "";

  constructor(steps: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#steps = steps;
    this.#stream = stream;
    this.#line = new TerminalLine(stream);
  }

  draw(glance: RunGlance): void {
    if (!this.#stream.isTTY) return this.#say(glance);
    this.#line.draw(glance.phase ? phaseLine(glance.phase) : this.#training(glance));
  }

  #say({ phase, step }: RunGlance): void {
    const words = phase ? phaseWords(phase.phase) : "training";
    if (words === this.#said || (this.#said === "training" && step > 0)) return;
    this.#said = words;
    this.#stream.write(`${words}\n`);
  }

  clear(): void {
    this.#line.clear();
    this.#said = "";
  }

  #training({ step, loss, tokensPerSecond }: RunGlance): string {
    this.#first ??= { step, at: performance.now() };
    const seconds = (performance.now() - this.#first.at) / 1000;
    const rate = (step - this.#first.step) / seconds;
    const filled = Math.round(24 * Math.min(1, step / this.#steps));
    const left = rate > 0 && seconds > 2 ? `  ${duration((this.#steps - step) / rate)} left` : "";
    return `[${"█".repeat(filled)}${"░".repeat(24 - filled)}] step ${step}/${this.#steps}  loss ${format(loss)}  ${tokensPerSecond === null ? "" : `${format(Math.round(tokensPerSecond))} tok/s`}${left}`;
  }
}

/** A phase in words, with how far it is where that is known. */
export function phaseLine({ phase, done, total, unit }: NonNullable<RunGlance["phase"]>): string {
  const words = phaseWords(phase);
  if (total === null || phase === "first-step") return words;
  return done === 0 ? `${words}  ${format(total)} ${unit}` : `${words}  ${Math.floor(100 * done / total)} % of ${format(total)} ${unit}`;
}
