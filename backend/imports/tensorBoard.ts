// TensorBoard event files: TFRecord framing (tensorflow/core/lib/io/record_writer.h) around Event messages.
// A record is its length (u64), the length's masked CRC-32C (u32), the data, the data's masked CRC-32C (u32), all little-endian.
import { maskedCrc32c } from "./crc32c.ts";
import { MAX_RECORD_BYTES, problem, type Decode, type Decoded } from "./logDecoder.ts";
import { MalformedMessage } from "./protobuf.ts";
import { readSummaryEvent } from "./summaryEvent.ts";

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** A short tail waits. A length whose checksum is wrong ends the file, since nobody knows where the next record begins; data whose checksum is wrong is skipped. */
export const decodeTensorBoard: Decode = (bytes, state) => {
  const decoded: Decoded = { consumed: 0, rows: [], problems: [] };
  let at = 0;
  if (state.skip > 0) {
    at = Math.min(state.skip, bytes.length);
    state.skip -= at;
  }
  while (!state.ended && state.skip === 0 && at + HEADER_BYTES <= bytes.length) {
    if (maskedCrc32c(bytes, at, at + 8) !== bytes.readUInt32LE(at + 8)) {
      problem(decoded, "The checksum of a record's length is wrong; the rest of the file can't be read.");
      state.ended = true;
      break;
    }
    const length = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
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
    if (maskedCrc32c(bytes, begin, end) !== bytes.readUInt32LE(end)) {
      problem(decoded, "A record whose checksum is wrong was skipped.");
      continue;
    }
    try {
      const row = readSummaryEvent(bytes.subarray(begin, end));
      if (row) decoded.rows.push(row);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      problem(decoded, `A record was skipped: it is no Event message (${error.message}).`);
    }
  }
  decoded.consumed = at;
  return decoded;
};
