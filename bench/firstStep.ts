// How long a person waits: from the command `train` to the first step in the run's file, and from a resume to the first step after it.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FILES } from "../contract/runDirectory.ts";
import { BYTE_VOCABULARY, RunSpec } from "../contract/runSpec.ts";
import { createHome, homeAt } from "../backend/home.ts";
import { createRunDirectory } from "../backend/runs/launch.ts";
import { Engine } from "../native/load.ts";
import { median, type BenchRow } from "./benchRow.ts";

const CLI = fileURLToPath(new URL("../cli/main.ts", import.meta.url)), TRAINER = fileURLToPath(new URL("../trainer/main.ts", import.meta.url));
const SAMPLE = fileURLToPath(new URL("../examples/sample.json", import.meta.url));
const ROUNDS = 5;

const seconds = (since: number): number => (performance.now() - since) / 1000;
const exited = (child: ChildProcess): Promise<void> => new Promise((resolve) => { child.once("exit", () => resolve()); });

/** Seconds until a run in `runs` has more than `known` events of metrics. */
async function untilMetrics(child: ChildProcess, since: number, runs: string, known = 0): Promise<number> {
  for (;;) {
    if (child.exitCode) throw new Error(`It ended with code ${child.exitCode} before its first step.`);
    const run = existsSync(runs) ? readdirSync(runs).find((name) => !name.startsWith(".")) : undefined, events = run && join(runs, run, FILES.events);
    if (events && existsSync(events) && readFileSync(events, "utf8").split('"kind":"metrics"').length - 1 > known) return seconds(since);
    if (seconds(since) > 60) throw new Error("No step came within a minute.");
    await pause(5);
  }
}

/** `train` of the sample, again and again in new homes; beside the engine building the same model and making one step. */
async function toFirstStep(): Promise<BenchRow> {
  const ours: number[] = [], floor: number[] = [], spec = RunSpec.parse(JSON.parse(readFileSync(SAMPLE, "utf8")));
  for (let round = 0; round < ROUNDS; round++) {
    const home = mkdtempSync(join(tmpdir(), "switchyard-bench-")), since = performance.now();
    const child = spawn(process.execPath, [CLI, "train", SAMPLE, "--set", "training.steps=3", "--set", "training.warmupSteps=1", "--home", home, "--wait", "--json"], { stdio: "ignore" });
    ours.push(await untilMetrics(child, since, join(home, "runs")));
    await exited(child);
    rmSync(home, { recursive: true, force: true });

    const begun = performance.now(), { batchSize } = spec.training, { inputLength, targetLength } = spec.data;
    const engine = await Engine.create({ seed: 1, device: "cpu", model: spec.model, training: spec.training, vocabularySize: BYTE_VOCABULARY.size, padToken: 0, startToken: 0, capacityFactorGrid: [] });
    await engine.step({ input: new Int32Array(batchSize * inputLength).fill(99), inputLength, labels: new Int32Array(batchSize * targetLength).fill(99), labelLength: targetLength, batchSize });
    floor.push(seconds(begun));
    engine.dispose();
  }
  return { benchmark: "from `train` to the first step in the run's file, the sample", measured: median(ours) * 1000, against: "building its model and one step, the engine alone", reference: median(floor) * 1000, unit: "ms", method: `median of ${ROUNDS} in turn, each in a new home, data prepared before; the rest is Node, the backend, the trainer's process and libtorch's loading` };
}

/** A run of about a hundred million parameters, resumed from its checkpoint. */
async function resume(say: (line: string) => void): Promise<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  try {
    const home = homeAt(folder);
    createHome(home);
    const id = createRunDirectory(home.runs, RunSpec.parse({
      name: "resume", device: "cpu", model: { dModel: 512, dFf: 2048, heads: 8, dKv: 64, encoderLayers: 4, decoderLayers: 4, sparse: { experts: 8 } },
      training: { batchSize: 2, steps: 1, warmupSteps: 1, evaluateEvery: 1000, evaluationBatches: 1, checkpoint: { keepLast: 1 } },
    })), directory = join(home.runs, id);
    say("Training a large run to its first checkpoint ...");
    await exited(spawn(process.execPath, [TRAINER, directory], { stdio: "ignore" }));
    const checkpoint = join(directory, FILES.checkpoints, "step-1"), files = readdirSync(checkpoint).map((name) => join(checkpoint, name));
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0), parameters = Number(/"parameters":(\d+)/.exec(readFileSync(join(directory, FILES.events), "utf8"))![1]);
    const ours: number[] = [], reading: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now();
      execFileSync("sha256sum", files, { stdio: "ignore" });
      reading.push(seconds(begun));
      const known = readFileSync(join(directory, FILES.events), "utf8").split('"kind":"metrics"').length - 1, since = performance.now();
      const child = spawn(process.execPath, [TRAINER, directory, "--steps", "100000"], { stdio: "ignore" });
      ours.push(await untilMetrics(child, since, home.runs, known));
      // Killed before it writes another checkpoint: each round goes on from the same.
      child.kill("SIGKILL");
      await exited(child);
      rmSync(join(directory, FILES.exit), { force: true });
    }
    return { benchmark: `from a resume to its first step, ${(parameters / 1e6).toFixed(0)} M parameters`, measured: median(ours) * 1000, against: `sha256sum of its ${(bytes / 2 ** 20).toFixed(0)} MiB checkpoint`, reference: median(reading) * 1000, unit: "ms", method: `median of ${ROUNDS} in turn; every byte is checked before it is used` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const firstStep = async (say: (line: string) => void): Promise<BenchRow[]> => [await toFirstStep(), await resume(say)];
