// One record of a TensorBoard event file: tensorboard/compat/proto/event.proto, summary.proto and tensor.proto.
import { MAX_TAG_BYTES, isStep, type LogRow } from "./logDecoder.ts";
import { MessageReader } from "./protobuf.ts";

const EVENT = { wallTime: 1, step: 2, summary: 5, sessionLog: 7 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8 } as const;
const TENSOR = { dtype: 1, shape: 2, content: 4, float: 5, double: 6, int: 7, int64: 10, half: 13 } as const;
/** SessionLog.status = START: the writer was opened to go on at the event's step (`purge_step` in PyTorch). */
const SESSION_START = 1;
/** Values of tensorflow/core/framework/types.proto. */
const DTYPE = { float: 1, double: 2, int32: 3, int64: 9, bfloat16: 14, half: 19 } as const;

/** The scalars of a record; null where it has none, such as a graph, an image or a histogram. @throws MalformedMessage */
export function readSummaryEvent(record: Buffer): LogRow | null {
  const event = new MessageReader(record), row: LogRow = { step: 0, t: null, values: [] };
  while (event.next()) {
    if (event.field === EVENT.wallTime && event.wire === 1) row.t = event.double();
    else if (event.field === EVENT.step && event.wire === 0) row.step = event.int64();
    else if (event.field === EVENT.summary && event.wire === 2) readSummary(event.bytes(), row.values);
    else if (event.field === EVENT.sessionLog && event.wire === 2) {
      if (startsSession(event.bytes())) row.restart = true;
    } else event.skip();
  }
  if (row.t !== null && !Number.isFinite(row.t)) row.t = null;
  return isStep(row.step) && (row.values.length > 0 || row.restart) ? row : null;
}

function startsSession(bytes: Buffer): boolean {
  const log = new MessageReader(bytes);
  while (log.next()) {
    if (log.field === 1 && log.wire === 0) return log.int64() === SESSION_START;
    log.skip();
  }
  return false;
}

function readSummary(bytes: Buffer, values: LogRow["values"]): void {
  const summary = new MessageReader(bytes);
  while (summary.next()) {
    if (summary.field !== 1 || summary.wire !== 2) {
      summary.skip();
      continue;
    }
    const value = new MessageReader(summary.bytes());
    let tag: string | null = null, number: number | null = null;
    while (value.next()) {
      if (value.field === VALUE.tag && value.wire === 2) {
        const name = value.bytes();
        tag = name.length <= MAX_TAG_BYTES ? name.toString("utf8") : null;
      } else if (value.field === VALUE.simpleValue && value.wire === 5) number = value.float();
      else if (value.field === VALUE.tensor && value.wire === 2) number = readScalarTensor(value.bytes());
      else value.skip();
    }
    if (tag !== null && tag !== "" && number !== null) values.push([tag, number]);
  }
}

/** The one number of a rank-0 tensor, as TensorFlow 2 and CLU write scalars; null for every other tensor. */
function readScalarTensor(bytes: Buffer): number | null {
  const tensor = new MessageReader(bytes);
  let dtype = 0, content: Buffer | null = null, listed: number | null = null;
  while (tensor.next()) {
    const { field, wire } = tensor;
    if (field === TENSOR.dtype && wire === 0) dtype = tensor.int64();
    else if (field === TENSOR.shape && wire === 2) {
      // A TensorShapeProto of rank 0 has no dimension, so no bytes.
      if (tensor.bytes().length > 0) return null;
    } else if (field === TENSOR.content && wire === 2) content = tensor.bytes();
    else if (field === TENSOR.float) listed = wire === 2 ? first(tensor.bytes(), 4) : tensor.float();
    else if (field === TENSOR.double) listed = wire === 2 ? first(tensor.bytes(), 8) : tensor.double();
    else if (field === TENSOR.int || field === TENSOR.int64) listed = wire === 2 ? new MessageReader(tensor.bytes()).int64() : tensor.int64();
    else if (field === TENSOR.half) listed = shortFloat(wire === 2 ? new MessageReader(tensor.bytes()).int64() : tensor.int64(), dtype);
    else tensor.skip();
  }
  return listed ?? (content && fromContent(content, dtype));
}

/** The first of packed floats (4 bytes each) or doubles (8). */
function first(packed: Buffer, size: 4 | 8): number | null {
  if (packed.length < size) return null;
  return size === 4 ? packed.readFloatLE(0) : packed.readDoubleLE(0);
}

function fromContent(content: Buffer, dtype: number): number | null {
  if (dtype === DTYPE.float && content.length === 4) return content.readFloatLE(0);
  if (dtype === DTYPE.double && content.length === 8) return content.readDoubleLE(0);
  if (dtype === DTYPE.int32 && content.length === 4) return content.readInt32LE(0);
  if (dtype === DTYPE.int64 && content.length === 8) return Number(content.readBigInt64LE(0));
  if ((dtype === DTYPE.bfloat16 || dtype === DTYPE.half) && content.length === 2) return shortFloat(content.readUInt16LE(0), dtype);
  return null;
}

/** 16 bits as bfloat16 or IEEE half. */
function shortFloat(bits: number, dtype: number): number {
  if (dtype === DTYPE.bfloat16) return new Float32Array(new Uint32Array([bits << 16]).buffer)[0]!;
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >>> 10) & 31, fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
