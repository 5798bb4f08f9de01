// A training step beside the same model elsewhere: transformers' SwitchTransformers, a vectorised one in plain PyTorch, and the JAX trainer.
import { join } from "node:path";
import { ensurePythonEnvironment } from "../scripts/bootstrap/pythonEnvironment.mjs";
import type { Batch, Engine } from "../native/switchyard.d.ts";
import { median, type BenchRow } from "./benchRow.ts";
import { peerPython } from "./peers/environment.ts";
import { Peer, type TorchMode } from "./peers/peer.ts";
import { describe, makeEngine, nameOf, randomBatch, seconds, sizesOf, specOf, threads, VOCABULARY, warm, type Shape } from "./shapes.ts";

const ROUNDS = 15;
/** A step that takes longer than this is far from the best mode, and timed in the first rounds alone. */
const SLOW_SECONDS = 5, SLOW_ROUNDS = 2;

type Sizes = Omit<Shape, "precision">;
/** Compiling transformers takes minutes and gains nothing here, so one model is enough to show it. */
const TRANSFORMERS: readonly (readonly [Sizes, readonly TorchMode[]])[] = [
  [{ experts: 8, capacityFactor: 1.25 }, ["fp32", "bf16", "compiled-fp32", "compiled-bf16"]],
  [{ experts: 32, capacityFactor: 1.25 }, ["fp32", "bf16"]],
  [{ experts: 64, capacityFactor: 1.25 }, ["fp32", "bf16"]],
  // 270 M parameters in each of three models: more modes don't fit into 24 GiB.
  [{ experts: 128, capacityFactor: 1.25 }, ["bf16"]],
];
const VECTORISED: readonly Sizes[] = [
  { experts: 8, capacityFactor: 1.25 }, { experts: 64, capacityFactor: 1 }, { experts: 8, capacityFactor: 1.25, decoderOnly: true }, { experts: 2, capacityFactor: 1.25, larger: true },
];
const TORCH_MODES: readonly TorchMode[] = ["fp32", "bf16", "compiled-fp32", "compiled-bf16"];

interface Rival { peer: Peer; request: Record<string, unknown> }

const wire = (batch: Batch) => ({ input: [...batch.input ?? []], labels: [...batch.labels], threads });

/** Ours in both precisions and all rivals, step by step in turn; a row for each rival with the faster of ours, and one for the other precision. */
async function inTurn(sizes: Sizes, batch: Batch, family: string, rivals: readonly Rival[], say: (line: string) => void, rounds: number): Promise<BenchRow[]> {
  for (const { peer, request } of rivals) {
    say(`Building ${family} ${peer.name}, ${nameOf({ ...sizes, precision: "fp32" })} ...`);
    await peer.make({ ...request, ...wire(batch), sizes: sizesOf({ ...sizes, precision: "fp32" }) });
  }
  const engines: Record<Shape["precision"], Engine> = { selective: await makeEngine({ ...sizes, precision: "selective" }), fp32: await makeEngine({ ...sizes, precision: "fp32" }) };
  await warm(Object.values(engines), batch);
  const ours = { selective: [] as number[], fp32: [] as number[] }, theirs = rivals.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    ours.selective.push(await seconds(engines.selective, batch));
    ours.fp32.push(await seconds(engines.fp32, batch));
    for (const [i, { peer }] of rivals.entries()) if (round < SLOW_ROUNDS || median(theirs[i]!) < SLOW_SECONDS) theirs[i]!.push(await peer.step());
  }
  for (const engine of Object.values(engines)) engine.dispose();
  for (const { peer } of rivals) await peer.end();
  const times = theirs.map((each) => median(each)), best = times.indexOf(Math.min(...times));
  const method = `median of ${rounds} steps in turn (${SLOW_ROUNDS} of a mode whose step takes over ${SLOW_SECONDS} s); ${rivals[0]!.peer.version}; ${describe({ ...sizes, precision: "fp32" })}`;
  const row = (precision: Shape["precision"], i: number): BenchRow => ({
    benchmark: `training step, ${nameOf({ ...sizes, precision })}, ${precision}`, measured: median(ours[precision]) * 1000,
    against: `${family} ${rivals[i]!.peer.name}${rivals.length > 1 && i === best ? " (its best)" : ""}`, reference: times[i]! * 1000, unit: "ms", method,
  });
  const [faster, slower] = median(ours.selective) < median(ours.fp32) ? ["selective", "fp32"] as const : ["fp32", "selective"] as const;
  const rows = [...rivals.map((_, i) => row(faster, i)), row(slower, best)];
  for (const { benchmark, measured, against, reference } of rows) say(`${benchmark}: ${measured.toFixed(0)} ms; ${against}: ${reference.toFixed(0)} ms`);
  return rows;
}

export async function againstTransformers(say: (line: string) => void, rounds = ROUNDS): Promise<BenchRow[]> {
  const python = peerPython(say), rows: BenchRow[] = [];
  for (const [sizes, modes] of TRANSFORMERS) {
    const rivals = modes.map((mode) => ({ peer: new Peer(mode, { python, script: "transformersStep.py", environment: { HF_HUB_OFFLINE: "1" } }), request: { mode } }));
    rows.push(...await inTurn(sizes, randomBatch(), "transformers,", rivals, say, rounds));
  }
  return rows;
}

/** Against a switch model written well in PyTorch. */
export async function againstVectorised(say: (line: string) => void, rounds = ROUNDS): Promise<BenchRow[]> {
  const python = peerPython(say), rows: BenchRow[] = [];
  for (const sizes of VECTORISED) {
    const rivals = TORCH_MODES.map((mode) => ({ peer: new Peer(mode, { python, script: "vectorisedStep.py" }), request: { mode } }));
    rows.push(...await inTurn(sizes, randomBatch(sizes), "PyTorch vectorised,", rivals, say, rounds));
  }
  return rows;
}

/** Against the JAX trainer on one CPU device. */
export async function againstJax(say: (line: string) => void, rounds = ROUNDS): Promise<BenchRow[]> {
  const python = await ensurePythonEnvironment(), rows: BenchRow[] = [];
  const environment = { PYTHONPATH: join(import.meta.dirname, "../remote"), JAX_PLATFORMS: "cpu" };
  for (const sizes of VECTORISED) {
    const rivals = (["fp32", "selective"] as const).map((precision) => ({
      peer: new Peer(precision, { python, script: "jaxStep.py", environment }), request: { spec: specOf({ ...sizes, precision }), vocabulary: VOCABULARY },
    }));
    rows.push(...await inTurn(sizes, randomBatch(sizes), "the JAX trainer, jitted,", rivals, say, rounds));
  }
  return rows;
}
