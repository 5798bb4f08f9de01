// A mesh of devices: rows of the batch are split over data × expert, experts over expert, attention heads (their position biases too) and feed-forward columns (those
// of experts too) over model; everything else is on every device. Rank = (data · experts' axis + expert) · model's axis + model.
import { misfitsOf } from "../contract/meshFit.ts";
import type { MeshSpec } from "../contract/meshSpec.ts";
import type { RunSpec } from "../contract/runSpec.ts";

/** A device is a rank. */
export { AXES, ranksOf as devicesOf } from "../contract/meshSpec.ts";
export type Mesh = MeshSpec;
/** "2×4×1", as data × expert × model. */
export const meshName = ({ data, expert, model }: Mesh): string => `${data}×${expert}×${model}`;

/** Why the model and batch can't be split so; null when they can. */
export const refusal = (spec: RunSpec, mesh: Mesh): string | null => misfitsOf(spec, mesh)[0]?.message ?? null;

const divisors = (number: number): number[] => Array.from({ length: number }, (_, i) => i + 1).filter((divisor) => number % divisor === 0);

/** Every mesh of so many devices that the spec allows. */
export function meshesOf(devices: number, spec: RunSpec): Mesh[] {
  return divisors(devices)
    .flatMap((model) => divisors(devices / model).map((expert) => ({ data: devices / model / expert, expert, model })))
    .filter((mesh) => refusal(spec, mesh) === null);
}
