// One line that is drawn over itself, on a terminal alone.
import { duration, format } from "./table.ts";
import type { RunGlance } from "./waitForRun.ts";

export class ProgressBar {
  #stream: NodeJS.WriteStream;
  #steps: number;
  #first: { step: number; at: number } | null = null;
  #drawn = "";

  constructor(steps: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#steps = steps;
    this.#stream = stream;
  }

  draw(glance: RunGlance): void {
    if (!this.#stream.isTTY) return;
    const line = glance.phase ? this.#phase(glance.phase) : this.#training(glance);
    if (line === this.#drawn) return;
    this.#drawn = line;
    this.#stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
  }

  clear(): void {
    if (this.#stream.isTTY && this.#drawn !== "") this.#stream.write("\r\x1b[2K");
    this.#drawn = "";
  }

  #phase({ phase, done, total, unit }: NonNullable<RunGlance["phase"]>): string {
    return `${phase.replaceAll("-", " ")}  ${format(done)}${total === null ? "" : ` of ${format(total)}`} ${format(unit)}`;
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
