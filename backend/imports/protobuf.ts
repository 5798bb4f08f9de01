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
    const key = Number(this.varint());
    this.field = Math.floor(key / 8);
    this.wire = key % 8;
    return true;
  }

  varint(): bigint {
    // Small numbers, which are nearly all, need no bigint arithmetic.
    const first = this.#byte();
    if (first < 0x80) return BigInt(first);
    let value = BigInt(first & 0x7f);
    for (let shift = 7n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new MalformedMessage("a number of more than ten bytes");
  }

  /** A varint as int64. */
  int64(): number {
    return Number(BigInt.asIntN(64, this.varint()));
  }
  float(): number {
    return this.#take(4).readFloatLE(0);
  }
  double(): number {
    return this.#take(8).readDoubleLE(0);
  }
  /** Bytes of a string, of a message within, or of packed numbers. */
  bytes(): Buffer {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length)) throw new MalformedMessage("a length beyond the end");
    return this.#take(Number(length));
  }

  skip(): void {
    if (this.wire === 0) this.varint();
    else if (this.wire === 1) this.#take(8);
    else if (this.wire === 2) this.bytes();
    else if (this.wire === 5) this.#take(4);
    else throw new MalformedMessage(`the wire type ${this.wire}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MalformedMessage("an early end");
    return byte;
  }
  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new MalformedMessage("an early end");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
