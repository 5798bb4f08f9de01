// IDX, the file format of MNIST: a magic number (two zeros, the type of values, the number of dimensions), each dimension as a
// big-endian 32-bit number, then the values. http://yann.lecun.com/exdb/mnist/
import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { RunFailure } from "../failure.ts";

export interface IdxArray { dimensions: number[]; values: Uint8Array }

const UNSIGNED_BYTE = 8;
/** Largest file, packed or not. */
const MOST_BYTES = 2 ** 31 - 1;

/** The bytes of an IDX file of unsigned bytes with one of the numbers of dimensions, unpacked where it is gzip. */
export function readIdx(path: string, holds: "images" | "labels"): IdxArray {
  const bytes = unpacked(path);
  const wrong = (what: string): RunFailure => new RunFailure("data-error", `${path} ${what}; choose an IDX file of ${holds}.`);
  const dimensionCounts = holds === "images" ? [3, 4] : [1];
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) throw wrong("is not an IDX file");
  if (bytes[2] !== UNSIGNED_BYTE) throw wrong("does not hold unsigned bytes");
  const count = bytes[3]!, header = 4 + 4 * count;
  if (!dimensionCounts.includes(count)) throw wrong(`has ${count} dimensions where ${holds} have ${dimensionCounts.join(" or ")}`);
  if (bytes.length < header) throw wrong("ends within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dimensions = Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i));
  const values = dimensions.reduce((product, size) => product * size, 1);
  if (values !== bytes.length - header) throw wrong(`holds ${bytes.length - header} values where its header promises ${dimensions.join(" × ")}`);
  if (values === 0) throw wrong("is empty");
  return { dimensions, values: bytes.subarray(header) };
}

function unpacked(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    const facts = statSync(path);
    if (!facts.isFile()) throw new RunFailure("data-error", `${path} is not a file; choose an IDX file.`);
    if (facts.size > MOST_BYTES) throw new RunFailure("data-error", `${path} is larger than 2 GiB; choose a smaller file.`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof RunFailure) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new RunFailure("data-error", code === "ENOENT" ? `${path} does not exist; choose another file.` : `${path} can't be read (${code}); check its permissions.`, error);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new RunFailure("data-error", code === "ERR_BUFFER_TOO_LARGE" ? `${path} unpacks to more than 2 GiB; choose a smaller file.` : `${path} is a damaged gzip file; fetch it again.`, error);
  }
}
