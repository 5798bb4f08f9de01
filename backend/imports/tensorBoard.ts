// TensorBoard event files: TFRecord framing (tensorflow/core/lib/io/record_writer.h) around Event messages.
// A record is its length (u64), the length's masked CRC-32C (u32), the data, the data's masked CRC-32C (u32), all little-endian.
import { maskedCrc32c } from "./crc32c.ts";
import { MAX_RECORD_BYTES, problem, type Decode, type Decoded } from "./logDecoder.ts";
import { MalformedMessage, messageBytes } from "./protobuf.ts";
import { readSummaryEvent } from "./summaryEvent.ts";

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** Masked checksums of lengths as eight bytes, for those of almost all records. */
const LENGTH_CHECKSUMS = Uint32Array.from({ length: 1024 }, (_, length) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length);
  return maskedCrc32c(bytes);
});

/** A short tail waits. A length whose checksum is wrong ends the file, since nobody knows where the next record begins; data whose checksum is wrong is skipped. */
export const decodeTensorBoard: Decode = (bytes, state) => {
  const decoded: Decoded = { consumed: 0, rows: [], problems: [] };
  const source = messageBytes(bytes), { view } = source;
  let at = 0;
  if (state.skip > 0) {
    at = Math.min(state.skip, bytes.length);
    state.skip -= at;
  }
  while (!state.ended && state.skip === 0 && at + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    if ((length < LENGTH_CHECKSUMS.length ? LENGTH_CHECKSUMS[length]! : maskedCrc32c(bytes, at, at + 8)) !== view.getUint32(at + 8, true)) {
      problem(decoded, "The checksum of a record's length is wrong; the rest of the file can't be read.");
      state.ended = true;
      break;
    }
    if (length > MAX_RECORD_BYTES) {
      problem(decoded, `A record of ${length} bytes was passed over; ${MAX_RECORD_BYTES} are read at most.`);
      const whole = length + HEADER_BYTES + FOOTER_BYTES, there = Math.min(whole, bytes.length - at);
      state.skip = Math.min(whole - there, Number.MAX_SAFE_INTEGER);
      at += there;
      continue;
    }
    const begin = at + HEADER_BYTES, end = begin + length;
    if (end + FOOTER_BYTES > bytes.length) break;
    at = end + FOOTER_BYTES;
    if (maskedCrc32c(bytes, begin, end) !== view.getUint32(end, true)) {
      problem(decoded, "A record whose checksum is wrong was skipped.");
      continue;
    }
    try {
      const row = readSummaryEvent(source, begin, end);
      if (row) decoded.rows.push(row);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      problem(decoded, `A record was skipped: it is no Event message (${error.message}).`);
    }
  }
  decoded.consumed = at;
  return decoded;
};
