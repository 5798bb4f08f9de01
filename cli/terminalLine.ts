// One line of a terminal, drawn over itself. Elsewhere, as in a log, nothing is drawn.
import { cleanOutput } from "../backend/runs/output.ts";

export class TerminalLine {
  readonly #stream: NodeJS.WriteStream;
  #drawn = "";

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  draw(text: string): void {
    if (!this.#stream.isTTY || text === this.#drawn) return;
    this.#drawn = text;
    // Names and units come from trainers, also from those of hosts.
    this.#stream.write(`\r\x1b[2K${cleanOutput(text).replaceAll("\n", " ").slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
  }

  clear(): void {
    if (this.#drawn !== "") this.#stream.write("\r\x1b[2K");
    this.#drawn = "";
  }
}
