// The planner's estimate of a step on this CPU beside the step itself. The CPU's rates are measured between the rounds, so that both
// see the machine as it is.
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { BYTE_VOCABULARY, RunSpec } from "../contract/runSpec.ts";
import { Engine, measureCpu } from "../native/load.ts";
import type { Batch } from "../native/switchyard.d.ts";
import { measuredCpu } from "../planner/devices.ts";
import { MEASURED, plan } from "../planner/plan.ts";
import { median, type BenchRow } from "./benchRow.ts";

const example = (name: string): RunSpec => RunSpec.parse(JSON.parse(readFileSync(new URL(`../examples/${name}.json`, import.meta.url), "utf8")));
const sample = example("sample"), withExperts = (experts: number): RunSpec => ({ ...sample, model: { ...sample.model, sparse: { ...sample.model.sparse!, experts } } });
const SPECS: readonly [name: string, spec: RunSpec][] = [
  ["the sample", sample], ["the sample, dense", example("sample-dense")], ["the sample, 64 experts", withExperts(64)],
  ["d_model 512, 8 layers", { ...sample, model: { ...sample.model, dModel: 512, dFf: 2048, heads: 8, dKv: 64 } }],
];
const ROUNDS = 7;

/** Ids that fill every place, so that the step computes what the planner counts. */
function fullBatch({ data: { inputLength, targetLength }, training: { batchSize } }: RunSpec): Batch {
  let state = 12345;
  const ids = (count: number) => Int32Array.from({ length: count }, () => BYTE_VOCABULARY.firstByte + (state = (state * 1103515245 + 12345) & 0x7fffffff) % 256);
  return { input: ids(batchSize * inputLength), inputLength, labels: ids(batchSize * targetLength), labelLength: targetLength, batchSize };
}

export async function plannedStep(rounds = ROUNDS): Promise<BenchRow[]> {
  const rows: BenchRow[] = [], mesh = { data: 1, expert: 1, model: 1 };
  for (const [name, spec] of SPECS) {
    const engine = await Engine.create({ seed: 1, device: "cpu", model: spec.model, training: spec.training, vocabularySize: BYTE_VOCABULARY.size, padToken: 0, startToken: 0, capacityFactorGrid: [] });
    const batch = fullBatch(spec), taken: number[] = [], estimated: number[] = [];
    for (let i = 0; i < 3; i++) await engine.step(batch);
    for (let round = 0; round < rounds; round++) {
      estimated.push(plan(spec, {}, measuredCpu(cpus()[0]!.model, totalmem(), await measureCpu()), mesh, MEASURED).time.total * 1000);
      const start = performance.now();
      await engine.step(batch);
      taken.push(performance.now() - start);
    }
    engine.dispose();
    rows.push({ benchmark: `training step, ${name}, ${spec.model.precision}`, measured: median(taken), against: "the planner’s estimate", reference: median(estimated), unit: "ms", method: `median of ${rounds} steps and ${rounds} estimates in turn, each estimate from rates of the CPU measured then; full batches, optimizer included` });
  }
  return rows;
}
