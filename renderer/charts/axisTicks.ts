// Round marks of an axis that ends where the data ends.
import type { XAxis } from "./bucketSeries.ts";
import { linearTicks } from "./colourScale.ts";

/** Round steps or tokens; for time round seconds, minutes or hours, whichever the span is measured in. */
export function roundTicks(axis: XAxis, min: number, max: number): number[] {
  const unit = axis !== "time" ? 1 : max - min > 10_800 ? 3600 : max - min > 180 ? 60 : 1;
  return linearTicks(min / unit, max / unit, 7).map((value) => value * unit).filter((value) => value >= min && value <= max);
}

/** Marks of an axis of bytes: round numbers of the unit that the greatest is written in. */
export function byteTicks(min: number, max: number): number[] {
  const unit = 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(max))) / 10));
  return linearTicks(min / unit, max / unit, 5).map((value) => value * unit).filter((value) => value >= min && value <= max);
}

/** Seconds that are round to a person, growing about threefold. */
const ROUND_SECONDS = [1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000, 86_400, 259_200, 864_000, 2_592_000] as const;

/** Marks of a logarithmic axis: 1, 2, 5 of each power of ten while that stays readable, else the powers; linear ones where the axis spans too little. */
export function logTicks(axis: XAxis, min: number, max: number): number[] {
  const inside = (value: number) => value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9);
  if (axis === "time" && max / min > 10) return ROUND_SECONDS.filter(inside);
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) powers.push(Number(`1e${power}`));
  const finer = powers.flatMap((power) => [power, 2 * power, 5 * power]).map((value) => Number(value.toPrecision(12))).filter(inside);
  if (finer.length < 3) return linearTicks(min, max, 4).filter((value) => value > 0 && inside(value));
  return finer.length <= 7 ? finer : powers.filter(inside);
}
