// Recording the routing of a step against not recording it, on one engine in turn.
import { median, type BenchRow } from "./benchRow.ts";
import { makeEngine, randomBatch, seconds, warm } from "./shapes.ts";

export async function diagnosticsCost(rounds = 60): Promise<BenchRow[]> {
  const engine = await makeEngine({ experts: 8, capacityFactor: 1.25, precision: "selective" }), batch = randomBatch();
  await warm([engine], batch);
  const on: number[] = [], off: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The order changes from round to round: what comes second is not always the same.
    const order = round % 2 === 0 ? [on, off] : [off, on];
    for (const times of order) times.push(await seconds(engine, batch, times === on));
  }
  engine.dispose();
  return [{ benchmark: "step with routing recorded", measured: median(on) * 1000, against: "step without", reference: median(off) * 1000, unit: "ms", method: `median of ${rounds} steps of each in changing turn, 8 experts, 4 sparse layers; recorded every 5th step by default, which costs a fifth of the difference` }];
}
