// The wire format of protocol buffers (protobuf.dev/programming-guides/encoding): fields one after the other, without a schema.
// Nothing is nested here: a message within one is read by another reader over its bytes, as deep as the caller knows it.

export class MalformedMessage extends Error {}

export class MessageReader {
  #bytes: Buffer;
  #at = 0;
  /** Number and wire type of the field that `next` found. */
  field = 0;
  wire = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Goes to the next field; its value must then be read or skipped. @throws MalformedMessage */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const key = this.uint64();
    this.field = Math.floor(key / 8);
    this.wire = key % 8;
    return true;
  }

  /** A varint as uint64; beyond 2^53 the nearest number. */
  uint64(): number {
    let value = 0, scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedMessage("a number of more than ten bytes");
  }

  /** A varint as int64, negative in two's complement; beyond ±2^53 the nearest number. */
  int64(): number {
    const begin = this.#at, value = this.uint64();
    if (value < 2 ** 63) return value;
    // Only the exact bits tell a small negative number from a large positive one.
    let exact = 0n;
    for (let at = begin, shift = 0n; at < this.#at; at++, shift += 7n) exact |= BigInt(this.#bytes[at]! & 0x7f) << shift;
    return Number(BigInt.asIntN(64, exact));
  }
  float(): number {
    return this.#bytes.readFloatLE(this.#skip(4));
  }
  double(): number {
    return this.#bytes.readDoubleLE(this.#skip(8));
  }
  /** Bytes of a string, of a message within, or of packed numbers. */
  bytes(): Buffer {
    return this.#take(this.uint64());
  }

  skip(): void {
    if (this.wire === 0) this.uint64();
    else if (this.wire === 1) this.#skip(8);
    else if (this.wire === 2) this.bytes();
    else if (this.wire === 5) this.#skip(4);
    else throw new MalformedMessage(`the wire type ${this.wire}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MalformedMessage("an early end");
    return byte;
  }
  #take(length: number): Buffer {
    const begin = this.#skip(length);
    return this.#bytes.subarray(begin, this.#at);
  }
  /** Goes on by `length` bytes and returns where they begin. */
  #skip(length: number): number {
    const begin = this.#at;
    if (begin + length > this.#bytes.length) throw new MalformedMessage("an early end");
    this.#at = begin + length;
    return begin;
  }
}
