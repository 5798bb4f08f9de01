// Tags as strings. The same few come again with every step, so each is decoded once and then known by its bytes.

/** Slots by the hash of a tag; the newest tag of a slot has it. */
const SLOTS = 1024;

export class TagNames {
  readonly #bytes: (Buffer | undefined)[] = Array.from({ length: SLOTS });
  readonly #names: string[] = Array.from({ length: SLOTS }, () => "");
  /** The slot that was asked for after each slot: a log has its tags in the same order at every step. */
  readonly #next = new Uint16Array(SLOTS);
  #newest = 0;

  /** UTF-8 of bytes[begin, end). */
  read(bytes: Buffer, begin: number, end: number): string {
    let slot = this.#next[this.#newest]!;
    if (!sameBytes(this.#bytes[slot], bytes, begin, end)) {
      slot = slotOf(bytes, begin, end);
      this.#next[this.#newest] = slot;
      if (!sameBytes(this.#bytes[slot], bytes, begin, end)) {
        this.#bytes[slot] = Buffer.from(bytes.subarray(begin, end));
        this.#names[slot] = bytes.toString("utf8", begin, end);
      }
    }
    this.#newest = slot;
    return this.#names[slot]!;
  }
}

function slotOf(bytes: Buffer, begin: number, end: number): number {
  let hash = end - begin;
  for (let at = begin; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return (hash ^ (hash >>> 10)) & (SLOTS - 1);
}

function sameBytes(known: Buffer | undefined, bytes: Buffer, begin: number, end: number): boolean {
  if (known?.length !== end - begin) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[begin + i]) return false;
  return true;
}
