// One line of a terminal, drawn over itself. Elsewhere, as in a log, nothing is drawn.
export class TerminalLine {
  readonly #stream: NodeJS.WriteStream;
  #drawn = "";

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  draw(text: string): void {
    if (!this.#stream.isTTY || text === this.#drawn) return;
    this.#drawn = text;
    this.#stream.write(`\r\x1b[2K${text.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}`);
  }

  clear(): void {
    if (this.#drawn !== "") this.#stream.write("\r\x1b[2K");
    this.#drawn = "";
  }
}
