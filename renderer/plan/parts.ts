// What memory and step time are made of, with one colour for each thing in both.
import type { Collective, CollectiveId } from "../../planner/collectives.ts";
import type { DeviceMemory } from "../../planner/share.ts";
import type { StepTime } from "../../planner/plan.ts";
import { duration, shortNumber } from "../charts/quantity.ts";
import type { BarSegment } from "./StackedBar.tsx";

const MEMORY: readonly { key: Exclude<keyof DeviceMemory, "total">; name: string; colour: string }[] = [
  { key: "parameters", name: "parameters", colour: "--run-0" }, { key: "gradients", name: "gradients", colour: "--run-1" }, { key: "optimizer", name: "optimizer state", colour: "--run-2" },
  { key: "activations", name: "activations", colour: "--run-3" }, { key: "expertBuffers", name: "expert buffers", colour: "--run-4" },
];
export const memorySegments = (memory: DeviceMemory): BarSegment[] => MEMORY.map(({ key, name, colour }) => ({ key, name, colour, value: memory[key] }));

/** Short names of the collectives, as a legend has room for. */
export const COLLECTIVE_NAMES: Record<CollectiveId, string> = {
  gradients: "gradients, summed", expertGradients: "expert gradients, summed", weights: "weights, all-gather", expertWeights: "expert weights, all-gather", dispatch: "dispatch, all-to-all", combine: "combine, all-to-all", activations: "activations, all-reduce", routing: "router logits, all-gather",
};
const COLLECTIVE_COLOURS: Record<CollectiveId, string> = { gradients: "--run-1", expertGradients: "--run-8", weights: "--run-0", expertWeights: "--run-7", dispatch: "--run-4", combine: "--run-5", activations: "--run-3", routing: "--run-6" };
export const collectiveColour = ({ id }: Pick<Collective, "id">): string => COLLECTIVE_COLOURS[id];

/** Terms of a step, in the order in which they are added: products or the traffic that takes longer than they do first. */
export const timeSegments = ({ compute, traffic, optimizer, collectives }: StepTime): BarSegment[] => [
  compute >= traffic ? { key: "compute", name: "matrix products", colour: "--run-9", value: compute } : { key: "traffic", name: "memory traffic", colour: "--run-7", value: traffic },
  { key: "optimizer", name: "optimizer", colour: "--run-2", value: optimizer },
  ...collectives.map(({ id, seconds }) => ({ key: id, name: COLLECTIVE_NAMES[id], colour: COLLECTIVE_COLOURS[id], value: seconds })),
];

/** "55.9 ms", "1.31 s", "12 min". */
export const stepTime = (seconds: number): string => (seconds < 1e-3 ? `${shortNumber(seconds * 1e6, 3)} µs` : seconds < 1 ? `${shortNumber(seconds * 1e3, 3)} ms` : duration(seconds));

/** As a step's, with days where hours would be many. */
export const runTime = (seconds: number): string => (seconds < 72 * 3600 ? stepTime(seconds) : `${shortNumber(seconds / 86_400, 3)} days`);
