// Files of token ids: written in large blocks, read by position, so that memory does not grow with the text.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { RunFailure } from "../failure.ts";

export type TokenWidth = 2 | 4;
/** Bytes an id takes. */
export const widthOf = (vocabularySize: number): TokenWidth => (vocabularySize <= 65536 ? 2 : 4);

/** Fills `numbers` with those of a prepared file from the number `start` on. */
export function readNumbers<Numbers extends Uint16Array | Uint32Array | Float64Array>(file: number, path: string, numbers: Numbers, start: number): Numbers {
  if (readSync(file, numbers, 0, numbers.byteLength, start * numbers.BYTES_PER_ELEMENT) !== numbers.byteLength)
    throw new RunFailure("data-error", `The prepared text ${path} was cut short; delete it and resume.`);
  return numbers;
}

/** Random access to a file of ids. */
export class TokenStream {
  readonly length: number;
  readonly #file: number;
  readonly #width: TokenWidth;
  readonly #path: string;
  constructor(path: string, length: number, width: TokenWidth) {
    this.#path = path;
    this.#file = openSync(path, "r");
    this.length = length;
    this.#width = width;
  }
  read(start: number, count: number): Uint16Array | Uint32Array {
    return readNumbers(this.#file, this.#path, this.#width === 2 ? new Uint16Array(count) : new Uint32Array(count), start);
  }
  close(): void { closeSync(this.#file); }
}

/** Gathers numbers and writes them in large blocks. */
export class NumberWriter<Block extends Uint16Array | Uint32Array | Float64Array> {
  length = 0;
  readonly #file: number;
  readonly #block: Block;
  #filled = 0;
  constructor(path: string, block: Block) {
    this.#file = openSync(path, "w", 0o600);
    this.#block = block;
  }
  write(numbers: ArrayLike<number>): void {
    for (let i = 0; i < numbers.length; i++) this.#put(numbers[i]!);
  }
  #put(number: number): void {
    if (this.#filled === this.#block.length) this.#flush();
    this.#block[this.#filled++] = number;
    this.length++;
  }
  #flush(): void {
    const bytes = new Uint8Array(this.#block.buffer, 0, this.#filled * this.#block.BYTES_PER_ELEMENT);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    this.#filled = 0;
  }
  close(): void { this.#flush(); fsyncSync(this.#file); closeSync(this.#file); }
}

const BLOCK = 1 << 18;
export const tokenWriter = (path: string, width: TokenWidth): NumberWriter<Uint16Array | Uint32Array> =>
  new NumberWriter(path, width === 2 ? new Uint16Array(BLOCK) : new Uint32Array(BLOCK));
