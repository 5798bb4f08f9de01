// Random numbers as a pure function of a key and a counter: nothing to save, so that a data position is one integer.

/** Mixes integers into 32 well-spread bits (MurmurHash3's finaliser, chained). */
export function mix(...words: number[]): number {
  let h = 0x9e3779b9;
  for (const word of words) {
    h ^= Math.imul(word | 0, 0xcc9e2d51);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

/** A stream of numbers below `bound`; the n-th is mix(key, n). The bias below 2^32 is under bound ÷ 2^32. */
export class CounterRandom {
  readonly #key: number;
  #counter = 0;
  constructor(...key: number[]) { this.#key = mix(...key); }
  below(bound: number): number {
    return Math.floor((mix(this.#key, this.#counter++) / 2 ** 32) * bound);
  }
}

/**
 * Where `index` goes in a pseudo-random permutation of 0..size−1 chosen by `key`: a four-round Feistel network over the
 * next even power of two, walked until it lands inside. Takes no memory, so an epoch of any size can be shuffled.
 */
export function permute(index: number, size: number, key: number): number {
  const half = Math.max(1, Math.ceil(Math.log2(Math.max(2, size)) / 2));
  const span = 2 ** half;
  let at = index;
  do {
    let left = Math.floor(at / span), right = at % span;
    for (let round = 0; round < 4; round++) [left, right] = [right, (left ^ mix(key, round, right)) & (span - 1)];
    at = (left >>> 0) * span + (right >>> 0);
  } while (at >= size);
  return at;
}
