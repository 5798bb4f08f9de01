// One record of a TensorBoard event file: tensorboard/compat/proto/event.proto, summary.proto and tensor.proto.
import { MAX_TAG_BYTES, isStep, type LogRow } from "./logDecoder.ts";
import { MessageReader, type MessageBytes } from "./protobuf.ts";
import { TagNames } from "./tagNames.ts";

const EVENT = { wallTime: 1, step: 2, summary: 5, sessionLog: 7 } as const;
const VALUE = { tag: 1, simpleValue: 2, tensor: 8 } as const;
const TENSOR = { dtype: 1, shape: 2, content: 4, float: 5, double: 6, int: 7, int64: 10, half: 13 } as const;
/** SessionLog.status = START: the writer was opened to go on at the event's step (`purge_step` in PyTorch). */
const SESSION_START = 1;
/** Values of tensorflow/core/framework/types.proto. */
const DTYPE = { float: 1, double: 2, int32: 3, int64: 9, bfloat16: 14, half: 19 } as const;

const tags = new TagNames();

/** The scalars of the record source[begin, end); null where it has none, such as a graph, an image or a histogram. @throws MalformedMessage */
export function readSummaryEvent(source: MessageBytes, begin: number, end: number): LogRow | null {
  const event = new MessageReader(source, begin, end), values: LogRow["values"] = [];
  let step = 0, t: number | null = null, restart = false;
  while (event.next()) {
    if (event.field === EVENT.wallTime && event.wire === 1) t = event.double();
    else if (event.field === EVENT.step && event.wire === 0) step = event.int64();
    else if (event.field === EVENT.summary && event.wire === 2) readSummary(event.message(), source.bytes, values);
    else if (event.field === EVENT.sessionLog && event.wire === 2) restart = startsSession(event.message()) || restart;
    else event.skip();
  }
  if (!isStep(step) || (values.length === 0 && !restart)) return null;
  if (t !== null && !Number.isFinite(t)) t = null;
  return restart ? { step, t, values, restart } : { step, t, values };
}

function startsSession(log: MessageReader): boolean {
  while (log.next()) {
    if (log.field === 1 && log.wire === 0) return log.int64() === SESSION_START;
    log.skip();
  }
  return false;
}

function readSummary(summary: MessageReader, bytes: Buffer, values: LogRow["values"]): void {
  while (summary.next()) {
    if (summary.field !== 1 || summary.wire !== 2) {
      summary.skip();
      continue;
    }
    const value = summary.message();
    let tag = "", number: number | null = null;
    while (value.next()) {
      if (value.field === VALUE.tag && value.wire === 2) tag = value.span() <= MAX_TAG_BYTES ? tags.read(bytes, value.begin, value.at) : "";
      else if (value.field === VALUE.simpleValue && value.wire === 5) number = value.float();
      else if (value.field === VALUE.tensor && value.wire === 2) number = readScalarTensor(value.message());
      else value.skip();
    }
    if (tag !== "" && number !== null) values.push([tag, number]);
  }
}

/** The one number of a rank-0 tensor, as TensorFlow 2 and CLU write scalars; null for every other tensor. */
function readScalarTensor(tensor: MessageReader): number | null {
  let dtype = 0, content: Buffer | null = null, listed: number | null = null;
  while (tensor.next()) {
    const { field, wire } = tensor;
    if (field === TENSOR.dtype && wire === 0) dtype = tensor.int64();
    else if (field === TENSOR.shape && wire === 2) {
      // A TensorShapeProto of rank 0 has no dimension, so no bytes.
      if (tensor.span() > 0) return null;
    } else if (field === TENSOR.content && wire === 2) content = tensor.packed();
    else if (field === TENSOR.float) listed = wire === 2 ? first(tensor.packed(), 4) : tensor.float();
    else if (field === TENSOR.double) listed = wire === 2 ? first(tensor.packed(), 8) : tensor.double();
    else if (field === TENSOR.int || field === TENSOR.int64) listed = wire === 2 ? tensor.message().int64() : tensor.int64();
    else if (field === TENSOR.half) listed = shortFloat(wire === 2 ? tensor.message().int64() : tensor.int64(), dtype);
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
