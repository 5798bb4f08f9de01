// A training step against its bound: the step's matrix products alone, each at the best speed the machine reaches on its shape.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, type BenchRow } from "./benchRow.ts";
import { makeEngine, randomBatch, seconds, warm } from "./trainingStep.ts";

const BUILD = fileURLToPath(new URL("../build/native", import.meta.url)), PRODUCTS = join(BUILD, "bench/products_bench");

/** The products are timed between the steps, since the machine's speed drifts. */
export async function matrixBound(rounds = 4, steps = 5): Promise<BenchRow[]> {
  execFileSync("cmake", ["--build", BUILD, "--target", "products_bench"], { stdio: ["ignore", "ignore", "inherit"] });
  const engine = await makeEngine({ experts: 8, capacityFactor: 1.25, precision: "fp32" }), batch = randomBatch(), times: number[] = [], bounds: number[] = [];
  await warm([engine], batch);
  let gigaflops = 0;
  for (let round = 0; round < rounds; round++) {
    const found = JSON.parse(execFileSync(PRODUCTS, { encoding: "utf8" })) as { milliseconds: number; gigaflops: number };
    bounds.push(found.milliseconds);
    gigaflops = found.gigaflops;
    for (let step = 0; step < steps; step++) times.push(await seconds(engine, batch));
  }
  engine.dispose();
  return [{
    benchmark: "training step, 8 experts, fp32", measured: median(times) * 1000, against: "its matrix products alone", reference: median(bounds), unit: "ms",
    method: `median of ${rounds * steps} steps and of ${rounds} rounds of the products between them (${gigaflops.toFixed(0)} GFLOP, the best of 12 for each shape; every token at one expert); the model of the first row`,
  }];
}
