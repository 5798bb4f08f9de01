// Text files are UTF-8. Bytes that are not are counted and replaced by U+FFFD, never silently dropped.
import { isUtf8 } from "node:buffer";

/** Length of the well-formed UTF-8 sequence at `i` (Unicode table 3-7), 0 when there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const a = bytes[i]!;
  if (a < 0x80) return 1;
  const follows = (k: number, low = 0x80, high = 0xbf): boolean => i + k < bytes.length && bytes[i + k]! >= low && bytes[i + k]! <= high;
  if (a >= 0xc2 && a <= 0xdf) return follows(1) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) return follows(1, a === 0xe0 ? 0xa0 : 0x80, a === 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (a >= 0xf0 && a <= 0xf4) return follows(1, a === 0xf0 ? 0x90 : 0x80, a === 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

/** The text as valid UTF-8, and how many bytes were not part of any well-formed sequence. */
export function repairUtf8(bytes: Buffer): { bytes: Buffer; invalid: number } {
  if (isUtf8(bytes)) return { bytes, invalid: 0 };
  let invalid = 0;
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes, i);
    if (length === 0) { invalid++; i++; } else i += length;
  }
  return { bytes: Buffer.from(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), "utf8"), invalid };
}
