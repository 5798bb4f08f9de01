// The planner: for a spec and devices, what every mesh needs of memory and time, and which is best.
import { bytesOfCompute } from "../contract/consequences.ts";
import { sumOf, type Facts } from "../contract/modelCounts.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import { collectivesOf, secondsOf, type Collective } from "./collectives.ts";
import type { Device } from "./devices.ts";
import { devicesOf, meshesOf, type Mesh } from "./mesh.ts";
import { shareOf, type DeviceMemory } from "./share.ts";

export interface Assumptions {
  /** Share of the peak that matrix products of a step reach. */
  matrixEfficiency: number;
  /** Share of memory's and links' bandwidth that is reached. */
  bandwidthEfficiency: number;
  /** Share of a device's memory that is there for the step: the rest is the runtime's, its workspaces and what lies between blocks. */
  usableMemory: number;
}
export const ASSUMPTIONS: Assumptions = { matrixEfficiency: 0.5, bandwidthEfficiency: 0.8, usableMemory: 0.9 };

/**
 * For a CPU whose rates were measured. Bandwidth is what was measured; 0.6 of the rate of one large product is what whole steps of the engine
 * come to, small products, softmax, norms and dropout included: fitted once to the steps in docs/planner.md.
 */
export const MEASURED: Assumptions = { ...ASSUMPTIONS, matrixEfficiency: 0.6, bandwidthEfficiency: 1 };

/** Seconds of a step. Nothing overlaps but matrix products and the traffic of their operands, of which the longer counts. */
export interface StepTime {
  /** Matrix products, forward and backward, at the efficiency assumed. */
  compute: number;
  /** Weights and kept activations through memory, forward and backward. */
  traffic: number;
  optimizer: number;
  collectives: (Collective & { seconds: number })[];
  /** max(compute, traffic) + optimizer + all collectives. */
  total: number;
}
export interface Plan {
  mesh: Mesh;
  memory: DeviceMemory;
  fits: boolean;
  /** Forward and backward FLOPs of a device, empty places of experts included where the device multiplies them. */
  flops: number;
  time: StepTime;
  /** Of a vision model, images. */
  sequencesPerSecond: number;
  /** Model FLOPs utilisation: FLOPs without padding, over what the devices' peaks allow in the step's time. PaLM 2204.02311 appendix B. */
  utilisation: number;
}

/** Plan of one mesh. It must fit the spec (`refusal` is null). */
export function plan(spec: RunSpec, facts: Facts, device: Device, mesh: Mesh, assumptions: Assumptions = ASSUMPTIONS): Plan {
  const { model, training } = spec, share = shareOf(spec, facts, mesh, !device.skipsEmptyPlaces), { memory } = share, bytes = bytesOfCompute(model.precision);
  const peak = device.peak[model.precision === "fp32" ? "fp32" : "bf16"], bandwidth = device.memoryBandwidth * assumptions.bandwidthEfficiency;
  const held = share.parameters.shared + share.parameters.experts;
  // Weights are read forward and twice backward, after a cast where products are not in fp32; gradients are written. Kept values are written and read.
  const weights = held * (3 * bytes + (bytes < 4 ? 4 + bytes : 0) + 4), values = 2 * (memory.activations + memory.expertBuffers);
  // AdamW reads parameter, gradient and two moments, writes all but the gradient. Adafactor reads parameter and gradient twice, writes the parameter.
  const update = share.updated * (training.optimizer.kind === "adamw" ? 28 : 20);
  const compute = share.flops / (peak * assumptions.matrixEfficiency), traffic = (weights + values) / bandwidth, optimizer = update / bandwidth;
  const collectives = collectivesOf(spec, share, mesh).map((one) => ({ ...one, seconds: secondsOf(one, device, assumptions.bandwidthEfficiency) }));
  const total = Math.max(compute, traffic) + optimizer + collectives.reduce((sum, { seconds }) => sum + seconds, 0);
  const forward = share.counts.ends + share.counts.stacks.reduce((sum, { flops }) => sum + sumOf(flops), 0);
  return {
    mesh, memory, fits: memory.total <= device.memory * assumptions.usableMemory, flops: share.flops,
    time: { compute, traffic, optimizer, collectives, total },
    sequencesPerSecond: training.batchSize / total,
    utilisation: 3 * forward * training.batchSize / (total * devicesOf(mesh) * peak),
  };
}

/** Plans of every mesh of so many devices that the spec allows: those that fit first, the fastest first among them. Empty when none divides model and batch. */
export function plans(spec: RunSpec, facts: Facts, device: Device, devices: number, assumptions: Assumptions = ASSUMPTIONS): Plan[] {
  return meshesOf(devices, spec).map((mesh) => plan(spec, facts, device, mesh, assumptions))
    .toSorted((a, b) => Number(b.fits) - Number(a.fits) || (a.fits ? a.time.total - b.time.total : a.memory.total - b.memory.total));
}
