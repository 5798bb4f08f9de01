// One routing record as bytes. Counts are integers and probabilities came from 32-bit floats, so each array is written
// in the narrowest type that holds every value exactly; nothing is rounded.
import { fromWire, toWire, type RoutingLayer } from "../contract/events.ts";

/** Everything of a record that is not its place: run, step, stack and layer are columns. */
export type PackedRouting = Omit<RoutingLayer, "stack" | "layer">;

const VERSION = 1;
const TYPE = { u8: 0, u16: 1, u32: 2, f32: 3, f64: 4 } as const;
const BYTES = [1, 2, 4, 4, 8] as const;

function narrowest(values: readonly number[]): number {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  if (values.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32 && !Object.is(value, -0)))
    return largest < 2 ** 8 ? TYPE.u8 : largest < 2 ** 16 ? TYPE.u16 : TYPE.u32;
  return values.every((value) => Math.fround(value) === value) ? TYPE.f32 : TYPE.f64;
}

/** Layout, little-endian: version u8, u32, 8 × f64, then 5 arrays of (u32 length, u8 type, values). */
export function packRouting(layer: PackedRouting): Buffer {
  const arrays = [
    layer.load, layer.kept, layer.probability,
    layer.dropAtCapacityFactor.map(([factor]) => factor), layer.dropAtCapacityFactor.map(([, dropped]) => dropped),
  ].map((values) => ({ values, type: narrowest(values) }));
  const size = 1 + 4 + 3 * 8 + 5 * 8 + arrays.reduce((sum, { values, type }) => sum + 5 + values.length * BYTES[type]!, 0);
  const bytes = Buffer.alloc(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  let at = 0;
  view.setUint8(at, VERSION), (at += 1);
  view.setUint32(at, layer.experts, true), (at += 4);
  // These may be larger than 32 bits hold on a hostile line.
  for (const value of [layer.capacity, layer.groups, layer.tokens]) view.setFloat64(at, value, true), (at += 8);
  for (const value of [layer.entropy, layer.confidence, layer.dropped, layer.auxiliaryLoss, layer.zLoss])
    view.setFloat64(at, fromWire(value), true), (at += 8);
  for (const { values, type } of arrays) {
    view.setUint32(at, values.length, true), (at += 4);
    view.setUint8(at, type), (at += 1);
    for (const value of values) {
      if (type === TYPE.u8) view.setUint8(at, value);
      else if (type === TYPE.u16) view.setUint16(at, value, true);
      else if (type === TYPE.u32) view.setUint32(at, value, true);
      else if (type === TYPE.f32) view.setFloat32(at, value, true);
      else view.setFloat64(at, value, true);
      at += BYTES[type]!;
    }
  }
  return bytes;
}

/** The record that `packRouting` wrote. @throws when the bytes are of another version. */
export function unpackRouting(bytes: Uint8Array): PackedRouting {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== VERSION) throw new Error(`A routing row is of version ${view.getUint8(0)}, which this Switchyard does not know.`);
  let at = 1;
  const integer = () => ((at += 4), view.getUint32(at - 4, true));
  const double = () => ((at += 8), view.getFloat64(at - 8, true));
  const array = (): number[] => {
    const length = integer();
    const type = view.getUint8(at++);
    return Array.from({ length }, () => {
      const place = at;
      at += BYTES[type]!;
      if (type === TYPE.u8) return view.getUint8(place);
      if (type === TYPE.u16) return view.getUint16(place, true);
      if (type === TYPE.u32) return view.getUint32(place, true);
      if (type === TYPE.f32) return view.getFloat32(place, true);
      return view.getFloat64(place, true);
    });
  };
  const experts = integer();
  const [capacity, groups, tokens] = [double(), double(), double()];
  const [entropy, confidence, dropped, auxiliaryLoss, zLoss] = [double(), double(), double(), double(), double()].map(toWire);
  const [load, kept, probability, factors, drops] = [array(), array(), array(), array(), array()];
  return {
    experts, capacity, groups, tokens, load, kept, probability,
    entropy: entropy!, confidence: confidence!, dropped: dropped!, auxiliaryLoss: auxiliaryLoss!, zLoss: zLoss!,
    dropAtCapacityFactor: factors!.map((factor, i) => [factor, drops![i]!]),
  };
}
