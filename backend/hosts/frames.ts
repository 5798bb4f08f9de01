// Frames on the link to an agent: "@switchyard1 LENGTH CRC32 JSON", one a line, so that a login banner, a stray print or a torn line is never taken
// for an answer. What the other side sends is untrusted: lines and noise have limits, and nothing here grows with them.
import { crc32 } from "node:zlib";

const MARK = "@switchyard1 ";
/** Longest JSON of a frame, in bytes. */
export const MAX_FRAME_BYTES = 1 << 20;
const MAX_LINE_BYTES = MAX_FRAME_BYTES + 64;
/** Bytes of noise that are remembered, for the sentence about it. */
const REMEMBERED_NOISE = 2000;
const NEWLINE = 0x0a;

/** A message as the bytes of its frame. @throws where it is longer than a frame may be */
export function frameOf(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message).replaceAll(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`), "latin1");
  if (json.length > MAX_FRAME_BYTES) throw new Error(`A message of ${json.length} bytes is longer than a frame may be.`);
  return Buffer.concat([Buffer.from(`\n${MARK}${json.length} ${(crc32(json) >>> 0).toString(16).padStart(8, "0")} `, "latin1"), json, Buffer.from("\n")]);
}

/** The message of a line, or undefined where the line is no whole frame. */
export function messageOf(line: Buffer): unknown {
  const match = /^@switchyard1 (\d{1,7}) ([0-9a-f]{8}) /.exec(line.toString("latin1", 0, 40));
  if (!match) return undefined;
  const json = line.subarray(match[0].length);
  if (json.length !== Number(match[1]) || crc32(json) >>> 0 !== parseInt(match[2]!, 16)) return undefined;
  try {
    return JSON.parse(json.toString("latin1"));
  } catch {
    return undefined;
  }
}

/** Takes messages out of a stream, in pieces of any size. */
export class FrameReader {
  /** Bytes that belonged to no frame, and the first of them as text. */
  noise = 0;
  noiseText = "";
  #pieces: Buffer[] = [];
  #held = 0;
  #skipping = false;

  *feed(data: Buffer): Generator<unknown> {
    let at = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; at = end + 1, end = data.indexOf(NEWLINE, at)) {
      const line = this.#line(data.subarray(at, end));
      if (line === null || line.length === 0) continue;
      const message = messageOf(line);
      if (message === undefined) this.#noise(line);
      else yield message;
    }
    this.#hold(data.subarray(at));
  }

  /** The whole line that ends with these bytes; null at the end of one that was too long. */
  #line(last: Buffer): Buffer | null {
    if (this.#skipping) {
      this.#skipping = false;
      this.noise += last.length;
      return null;
    }
    const line = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#held = 0;
    return line;
  }

  #hold(rest: Buffer): void {
    if (rest.length === 0) return;
    if (this.#skipping) {
      this.noise += rest.length;
      return;
    }
    // A copy: the stream's own buffer is much larger than what is left of it.
    this.#pieces.push(Buffer.from(rest));
    this.#held += rest.length;
    if (this.#held <= MAX_LINE_BYTES) return;
    this.#noise(Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#held = 0;
    this.#skipping = true;
  }

  #noise(line: Buffer): void {
    this.noise += line.length;
    if (this.noiseText.length < REMEMBERED_NOISE) this.noiseText += `${line.toString("utf8", 0, REMEMBERED_NOISE)}\n`;
  }
}
