// The wire format of protocol buffers (protobuf.dev/programming-guides/encoding): fields one after the other, without a schema.
// Nothing is nested here: a message within one is read by another reader over its span, as deep as the caller knows it. No byte
// is copied and no view is made of a part, which costs more than reading a scalar does.

export class MalformedMessage extends Error {}

/** The same bytes twice: numbers of more than a byte are read through `view`. */
export interface MessageBytes { bytes: Buffer; view: DataView }
export const messageBytes = (bytes: Buffer): MessageBytes => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) });

export class MessageReader {
  readonly #source: MessageBytes;
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  /** Number and wire type of the field that `next` found. */
  field = 0;
  wire = 0;
  /** Where what `span` took begins; it ends at `at`. */
  begin = 0;

  /** Reads source[begin, end), which must be within it. */
  constructor(source: MessageBytes, begin = 0, end = source.bytes.length) {
    this.#source = source;
    this.#bytes = source.bytes;
    this.#at = begin;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  /** Goes to the next field; its value must then be read or skipped. @throws MalformedMessage */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const key = this.uint64();
    this.field = Math.floor(key / 8);
    this.wire = key % 8;
    return true;
  }

  /** A varint as uint64; beyond 2^53 the nearest number. */
  uint64(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f, scale = 128;
    for (let i = 1; i < 10; i++) {
      byte = this.#byte();
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
    return this.#source.view.getFloat32(this.#skip(4), true);
  }
  double(): number {
    return this.#source.view.getFloat64(this.#skip(8), true);
  }
  /** Takes a string, a message within, or packed numbers, and returns how many bytes that are: [begin, at). */
  span(): number {
    const length = this.uint64();
    this.begin = this.#skip(length);
    return length;
  }
  /** A message within. */
  message(): MessageReader {
    this.span();
    return new MessageReader(this.#source, this.begin, this.#at);
  }
  /** Bytes of a string or of packed numbers. */
  packed(): Buffer {
    this.span();
    return this.#bytes.subarray(this.begin, this.#at);
  }

  skip(): void {
    if (this.wire === 0) this.uint64();
    else if (this.wire === 1) this.#skip(8);
    else if (this.wire === 2) this.span();
    else if (this.wire === 5) this.#skip(4);
    else throw new MalformedMessage(`the wire type ${this.wire}`);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new MalformedMessage("an early end");
    return this.#bytes[this.#at++]!;
  }
  /** Goes on by `length` bytes and returns where they begin. */
  #skip(length: number): number {
    const begin = this.#at;
    if (begin + length > this.#end) throw new MalformedMessage("an early end");
    this.#at = begin + length;
    return begin;
  }
}
