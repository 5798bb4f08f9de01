// What the fuzzers share: choices made from a seed, and damage to bytes.
import { random } from "../fixtures/writeRun.ts";

export class Chance {
  readonly next: () => number;
  constructor(seed: number) {
    this.next = random(seed);
  }
  /** A whole number from 0 to one below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
  odds(share: number): boolean {
    return this.next() < share;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
  /** The bytes with some of them turned, cut out, doubled or put in. */
  damage(bytes: Buffer): Buffer {
    let damaged = Buffer.from(bytes);
    for (let times = this.below(4); times > 0 && damaged.length > 0; times--) {
      const at = this.below(damaged.length), length = this.below(this.odds(0.1) ? damaged.length : 16);
      const before = damaged.subarray(0, at), piece = damaged.subarray(at, at + length), after = damaged.subarray(at + length);
      switch (this.below(5)) {
        case 0: damaged[at] = this.below(256); break;
        case 1: damaged[at]! ^= 1 << this.below(8); break;
        case 2: damaged = Buffer.concat([before, after]); break;
        case 3: damaged = Buffer.concat([before, piece, piece, after]); break;
        case 4: damaged = Buffer.concat([before, Buffer.from(Array.from({ length }, () => this.below(256))), piece, after]); break;
      }
    }
    return damaged;
  }
  /** The bytes in pieces of any size, as a link or a growing file brings them. */
  *pieces(bytes: Buffer): Generator<Buffer> {
    // Not too many of them: a round takes milliseconds.
    const longest = Math.max(this.pick([1, 20, 300, 70_000]), Math.ceil(bytes.length / this.pick([20, 400])));
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + this.below(longest));
      yield bytes.subarray(at, end);
      at = end;
    }
  }
}

export function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
