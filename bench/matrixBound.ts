// A training step against its bound: the step's matrix products alone, each at the best speed the machine reaches on its shape in the same precision.
import { devices } from "../native/load.ts";
import { median, type BenchRow } from "./benchRow.ts";
import { benchProgram } from "./nativeProgram.ts";
import { makeEngine, randomBatch, seconds, warm } from "./shapes.ts";

/** The products are timed between the steps, since the machine's speed drifts. */
export async function matrixBound(rounds = 4, steps = 5): Promise<BenchRow[]> {
  const products = benchProgram("products_bench"), batch = randomBatch(), rows: BenchRow[] = [];
  const multipliesBFloat16 = (await devices()).cpu.instructionSets.some((set) => set === "avx512_bf16" || set === "amx_bf16");
  for (const precision of multipliesBFloat16 ? ["fp32", "selective"] as const : ["fp32"] as const) {
    const engine = await makeEngine({ experts: 8, capacityFactor: 1.25, precision }), times: number[] = [], bounds: number[] = [];
    await warm([engine], batch);
    let gigaflops = 0;
    for (let round = 0; round < rounds; round++) {
      const found = products([precision === "fp32" ? "fp32" : "bf16"]) as { milliseconds: number; gigaflops: number };
      bounds.push(found.milliseconds);
      gigaflops = found.gigaflops;
      for (let step = 0; step < steps; step++) times.push(await seconds(engine, batch));
    }
    engine.dispose();
    rows.push({
      benchmark: `training step, 8 experts, ${precision}`, measured: median(times) * 1000, against: `its matrix products alone, ${precision === "fp32" ? "fp32" : "bf16"}`, reference: median(bounds), unit: "ms",
      method: `median of ${rounds * steps} steps and of ${rounds} rounds of the products between them (${gigaflops.toFixed(0)} GFLOP, the best of 12 for each shape; every token at one expert); the model of the first row`,
    });
  }
  return rows;
}
