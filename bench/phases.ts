// A step by its phases: what tokens pay for beside the dense twin of equal FLOPs, what every parameter pays for beside the memory's speed, and the memory.
import { benchProgram } from "./nativeProgram.ts";
import type { BenchRow } from "./benchRow.ts";

interface Phases { forwardBackward: number; norm: number; optimizer: number }
interface Measured { parameters: number; sparse: Phases; dense: Phases; optimizerBandwidth: number; memoryBandwidth: number; peakBytes: number; neededBytes: number }

const STEPS = 15;

export function phases(): BenchRow[] {
  const run = benchProgram("phases_bench");
  return [8, 64].flatMap((experts): BenchRow[] => {
    const found = run([String(experts), "selective", String(STEPS)]) as Measured, name = `${experts} experts, capacity 1.0, selective`;
    const millions = `${(found.parameters / 1e6).toFixed(0)} M parameters`;
    return [
      { benchmark: `forward and backward, ${name}`, measured: found.sparse.forwardBackward, against: "dense twin of equal FLOPs a token", reference: found.dense.forwardBackward, unit: "ms", method: `median of ${STEPS} steps in turn, without the gradient's norm and the optimizer (build/native/bench/phases_bench)` },
      { benchmark: `norm and optimizer, ${name}`, measured: found.sparse.norm + found.sparse.optimizer, against: "dense twin", reference: found.dense.norm + found.dense.optimizer, unit: "ms", method: `the same steps; every parameter is updated, ${millions} here` },
      // A speed: more is better.
      { benchmark: `AdamW, ${millions}`, measured: found.memoryBandwidth / 1e9 / (found.optimizerBandwidth / 1e9), against: "the memory bandwidth of the same minutes", reference: 1, unit: "× the time", method: `30 bytes a parameter at ${(found.optimizerBandwidth / 1e9).toFixed(1)} GB/s, beside ${(found.memoryBandwidth / 1e9).toFixed(1)} GB/s of scaling 256 MiB in place, the best of 4 between the steps` },
      { benchmark: `most memory of a step, ${name}`, measured: found.peakBytes / 2 ** 20, against: "parameters, gradients, moments and saved activations", reference: found.neededBytes / 2 ** 20, unit: "MiB", method: "blocks of 64 KiB and more; gradients come while activations go, so it can be less than their sum" },
    ];
  });
}
