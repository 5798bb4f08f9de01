// The planner's estimate of a step on this CPU beside the step itself. The CPU's rates are measured between the steps, and the best of
// both is taken: what else the machine does then counts least.
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { BYTE_VOCABULARY, RunSpec } from "../contract/runSpec.ts";
import { Engine, measureCpu } from "../native/load.ts";
import type { Batch, CpuRates } from "../native/switchyard.d.ts";
import { measuredCpu } from "../planner/devices.ts";
import { MEASURED, plan } from "../planner/plan.ts";
import type { BenchRow } from "./benchRow.ts";

const example = (name: string): RunSpec => RunSpec.parse(JSON.parse(readFileSync(new URL(`../examples/${name}.json`, import.meta.url), "utf8")));
const sample = example("sample"), withExperts = (experts: number): RunSpec => ({ ...sample, model: { ...sample.model, sparse: { ...sample.model.sparse!, experts } } });
const SPECS: readonly [name: string, spec: RunSpec][] = [
  ["the sample", sample], ["the sample, dense", example("sample-dense")], ["the sample, 64 experts", withExperts(64)],
  ["d_model 512, 8 layers", { ...sample, model: { ...sample.model, dModel: 512, dFf: 2048, heads: 8, dKv: 64 } }],
];
const ROUNDS = 15;

/** Ids that fill every place, so that the step computes what the planner counts. */
function fullBatch({ data: { inputLength, targetLength }, training: { batchSize } }: RunSpec): Batch {
  let state = 12345;
  const ids = (count: number) => Int32Array.from({ length: count }, () => BYTE_VOCABULARY.firstByte + (state = (state * 1103515245 + 12345) & 0x7fffffff) % 256);
  return { input: ids(batchSize * inputLength), inputLength, labels: ids(batchSize * targetLength), labelLength: targetLength, batchSize };
}

const best = (a: CpuRates, b: CpuRates): CpuRates => ({ fp32: Math.max(a.fp32, b.fp32), bf16: Math.max(a.bf16, b.bf16), memoryBandwidth: Math.max(a.memoryBandwidth, b.memoryBandwidth) });

export async function plannedStep(rounds = ROUNDS): Promise<BenchRow[]> {
  let rates = await measureCpu();
  const fastest: number[] = [];
  for (const [, spec] of SPECS) {
    const engine = await Engine.create({ seed: 1, device: "cpu", model: spec.model, training: spec.training, vocabularySize: BYTE_VOCABULARY.size, padToken: 0, startToken: 0, capacityFactorGrid: [] });
    const batch = fullBatch(spec), taken: number[] = [];
    for (let i = 0; i < 3; i++) await engine.step(batch);
    for (let round = 0; round < rounds; round++) {
      rates = best(rates, await measureCpu());
      const start = performance.now();
      await engine.step(batch);
      taken.push(performance.now() - start);
    }
    engine.dispose();
    fastest.push(Math.min(...taken));
  }
  const device = measuredCpu(cpus()[0]!.model, totalmem(), rates), giga = (rate: number) => Math.round(rate / 1e9);
  const method = `fastest of ${rounds} steps, full batches, optimizer included; the estimate is from the best rates of the CPU measured between them, ${giga(rates.fp32)} GFLOP/s in fp32 and ${giga(rates.memoryBandwidth)} GB/s, products at ${MEASURED.matrixEfficiency} of it`;
  return SPECS.map(([name, spec], i) => ({
    benchmark: `training step, ${name}, ${spec.model.precision}`, measured: fastest[i]!, against: "the planner’s estimate",
    reference: plan(spec, {}, device, { data: 1, expert: 1, model: 1 }, MEASURED).time.total * 1000, unit: "ms", method,
  }));
}
