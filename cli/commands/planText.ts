// A plan as text: every number with its unit.
import type { Parameters } from "../../contract/consequences.ts";
import { exampleOf } from "../../contract/modelSpec.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { COLLECTIVES } from "../../planner/collectives.ts";
import type { Device } from "../../planner/devices.ts";
import { devicesOf, meshName } from "../../planner/mesh.ts";
import type { PaperRow } from "../../planner/paperModels.ts";
import type { Assumptions, Plan } from "../../planner/plan.ts";
import { format, table } from "../table.ts";

/** "7.415 G" of 7415e6: four digits with a decimal prefix, which a unit may follow. */
export function prefixed(value: number): string {
  for (const [prefix, factor] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) if (value >= factor) return `${format(Number((value / factor).toPrecision(4)))} ${prefix}`;
  return `${format(value)} `;
}
const bytes = (value: number): string => {
  const power = value < 1 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10));
  return `${format(Number((value / 1024 ** power).toPrecision(3)))} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
};
const seconds = (value: number): string => (value < 1e-3 ? `${format(Number((value * 1e6).toPrecision(3)))} µs` : value < 1 ? `${format(Number((value * 1e3).toPrecision(3)))} ms` : `${format(Number(value.toPrecision(4)))} s`);
const share = (value: number): string => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)}%`;

export interface PlanReport {
  spec: RunSpec;
  device: Device;
  parameters: Parameters;
  flopsPerSequence: { forward: number; training: number };
  assumptions: Assumptions;
  chosen: Plan;
  /** The person named the mesh. */
  named: boolean;
  plans: readonly Plan[];
}

export function planText({ spec, device, parameters, flopsPerSequence, assumptions, chosen, named, plans }: PlanReport): string {
  const { memory, time } = chosen, { total, ...parts } = parameters, devices = devicesOf(chosen.mesh), example = exampleOf(spec.model);
  const hidden = time.compute >= time.traffic ? "traffic" : "compute";
  const term = (name: string, value: number, under: boolean): string[] => [name, seconds(value), under ? "not counted: the longer of these two is" : share(value / time.total)];
  return [
    `${format(spec.name)} on ${devices} × ${device.name}, ${spec.model.precision}, batch of ${spec.training.batchSize} ${example}s`,
    `Parameters      ${prefixed(total).trim()} (${Object.entries(parts).filter(([, count]) => count > 0).map(([part, count]) => `${part} ${prefixed(count).trim()}`).join(", ")})`,
    `${`FLOPs/${example}`.padEnd(16)}${prefixed(flopsPerSequence.forward)}FLOPs forward, ${prefixed(flopsPerSequence.training)}FLOPs forward and backward`, "",
    `${named ? "Mesh" : chosen.fits ? "Best mesh" : "No mesh fits; the one that needs least memory is"} ${meshName(chosen.mesh)} (data × expert × model): ${seconds(time.total)} a step, ${prefixed(chosen.sequencesPerSecond).trim()} ${example}s/s, ${share(chosen.utilisation)} of peak FLOPs`, "",
    "Memory of a device",
    table(["", "", ""], [
      ["  parameters", bytes(memory.parameters), ""], ["  gradients", bytes(memory.gradients), ""], ["  optimizer state", bytes(memory.optimizer), ""], ["  activations", bytes(memory.activations), ""],
      ["  expert buffers", bytes(memory.expertBuffers), ""],
      ["  total", bytes(memory.total), `${chosen.fits ? "fits" : "does not fit"}: ${bytes(device.memory * assumptions.usableMemory)} of ${bytes(device.memory)} are usable`],
    ]).replace(/^\s*\n/, ""), "",
    "Time of a step",
    table(["", "", ""], [
      term("  matrix products", time.compute, hidden === "compute"), term("  memory traffic", time.traffic, hidden === "traffic"), term("  optimizer", time.optimizer, false),
      ...time.collectives.map(({ id, seconds: taken, sent }) => [`  ${COLLECTIVES[id].name}`, seconds(taken), `${share(taken / time.total)}, ${bytes(sent)} sent by a device`]),
    ]).replace(/^\s*\n/, ""), "",
    `Meshes of ${devices} ${devices === 1 ? "device" : "devices"}, data × expert × model`,
    table(["  mesh", "step", `${example}s/s`, "memory/device", "sent/device", ""], plans.map((plan) => [
      `  ${meshName(plan.mesh)}`, seconds(plan.time.total), plan.sequencesPerSecond, bytes(plan.memory.total), bytes(plan.time.collectives.reduce((sum, { sent }) => sum + sent, 0)), plan.fits ? "fits" : "does not fit",
    ])), "",
    `An estimate: products at ${share(assumptions.matrixEfficiency)} of ${prefixed(device.peak[spec.model.precision === "fp32" ? "fp32" : "bf16"])}FLOP/s, memory${device.id === "cpu" ? "" : " and links"} at ${share(assumptions.bandwidthEfficiency)} of theirs, nothing overlapped. Formulas: docs/planner.md.`,
  ].join("\n");
}

export const paperText = (rows: readonly PaperRow[]): string => [
  table(["model", "parameters", "paper", "off by", "FLOPs/sequence", "paper", "off by", "whole forward pass", "note"], rows.map(({ name, parameters, flopsPerSequence, forward, published }) => [
    name, prefixed(parameters).trim(), prefixed(published.parameters).trim(), off(parameters, published.parameters), prefixed(flopsPerSequence).trim(), prefixed(published.flopsPerSequence).trim(), off(flopsPerSequence, published.flopsPerSequence),
    prefixed(forward).trim(), published.note,
  ])), "",
  "FLOPs/sequence: forward, multiply-adds as 2, each weight of a layer once for each token of its own stack, and attention scores, for 512 tokens in and 114 out;",
  "logits and routers are left out, and keys and values of cross-attention count for 114 tokens. The whole forward pass has all of it, for 512.",
].join("\n");

const off = (counted: number, published: number): string => `${counted >= published ? "+" : "−"}${(100 * Math.abs(counted / published - 1)).toFixed(1)}%`;
