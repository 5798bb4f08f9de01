// Pairs of prepared token sequences by number.
import { closeSync, openSync } from "node:fs";
import { readNumbers, type TokenStream } from "./tokenFile.ts";

export interface TokenPair { input: Uint16Array | Uint32Array; target: Uint16Array | Uint32Array }
/** Numbers of a record: where the input begins, its length, and that of the target, which follows it. */
const RECORD = 3, BLOCK = 1 << 14;

export class PairList {
  readonly length: number;
  readonly #path: string;
  readonly #file: number;
  readonly #tokens: TokenStream;
  constructor(path: string, length: number, tokens: TokenStream) {
    this.#path = path;
    this.#file = openSync(path, "r");
    this.length = length;
    this.#tokens = tokens;
  }
  at(index: number): TokenPair {
    const [start, inputLength, targetLength] = this.#records(index, 1) as unknown as [number, number, number];
    const ids = this.#tokens.read(start, inputLength + targetLength);
    return { input: ids.subarray(0, inputLength), target: ids.subarray(inputLength) };
  }
  /** How many pairs have lengths for which `isLong` holds. */
  count(isLong: (inputLength: number, targetLength: number) => boolean): number {
    let found = 0;
    for (let from = 0; from < this.length; from += BLOCK) {
      const records = this.#records(from, Math.min(BLOCK, this.length - from));
      for (let i = 0; i < records.length; i += RECORD) if (isLong(records[i + 1]!, records[i + 2]!)) found++;
    }
    return found;
  }
  #records(from: number, count: number): Float64Array {
    return readNumbers(this.#file, this.#path, new Float64Array(count * RECORD), from * RECORD);
  }
  close(): void { closeSync(this.#file); }
}
