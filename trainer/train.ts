// One attempt of a run: model, the last good checkpoint, data, then steps until the end or a stop.
import { consequences } from "../contract/consequences.ts";
import { CAPACITY_FACTOR_GRID } from "../contract/events.ts";
import { ranksOf } from "../contract/meshSpec.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import type { Engine, EngineConfig } from "../native/switchyard.d.ts";
import { runAlert } from "./alerts.ts";
import { isImageSource, readImages, type Images } from "./data/images.ts";
import { openData, type OpenedData } from "./data/openData.ts";
import { openTokenizer, type TextTokenizer } from "./data/tokenizer.ts";
import { RunFailure, StopAsked, asFailure } from "./failure.ts";
import { Loop, type Ending } from "./loop.ts";
import type { MeshLink } from "./mesh/messages.ts";
import { openOrigins, vocabularyFor, type Origins } from "./origins.ts";
import { listCheckpoints } from "./run/checkpoints.ts";
import { restore } from "./run/restore.ts";
import type { NewEvent, RunDirectory } from "./run/runDirectory.ts";
import type { Weights } from "./run/weightsSource.ts";

const NATIVE = new URL("../native/load.ts", import.meta.url).href;
const PROGRESS_MILLISECONDS = 500;
type Phase = Extract<NewEvent, { kind: "progress" }>["phase"];

/** @param stopping whether a signal asked for the end; a request in control/ is looked for here. */
export async function train(run: RunDirectory, spec: RunSpec, stopping: () => boolean, mesh: MeshLink | null): Promise<Ending> {
  const { training } = spec, steps = run.asked.steps ?? training.steps, checkpoints = listCheckpoints(run.path);
  const asked = (): boolean => stopping() || run.requested("stop");
  const report = reporter(run, asked);
  run.step = checkpoints[0]?.manifest.step ?? 0;
  let engine: Engine | null = null, data: OpenedData | null = null;
  try {
    const tokenizer = openTokenizer(spec.data.tokenizer);
    const origins = await openOrigins(run.path, spec, tokenizer, checkpoints, (done, total) => report("loading-checkpoint", done, total, "bytes"));
    const images = isImageSource(spec.data.source) ? readImages(spec.data.source) : null;
    const vocabularySize = vocabularyFor(tokenizer, origins, checkpoints);
    report("building-model", 0, consequences(spec, { vocabularySize, ...(images ? { images: images.facts } : {}) }).parameters.total, "parameters");
    engine = await build(spec, steps, { vocabularySize, pad: tokenizer.pad }, images, origins, mesh);
    const { from, alerts, damaged } = await restore(run.path, engine, (done, total) => report("loading-checkpoint", done, total, "bytes"));
    run.step = from?.step ?? 0;
    // It says which rows of earlier attempts are superseded, so it comes before any row.
    run.write({ kind: "attempt", fromStep: run.step, parameters: engine.parameterCount(), device: engine.device, precision: spec.model.precision });
    run.log("info", `Model: ${engine.parameterCount().toLocaleString("en")} parameters on ${engine.device}, ${spec.model.precision}${mesh ? `, ${ranksOf(spec.mesh)} ranks (data ${spec.mesh.data}, expert ${spec.mesh.expert}, model ${spec.mesh.model})` : ""}${from ? `; continued from step ${from.step}` : ""}.`);
    for (const message of [...origins.damaged, ...damaged]) run.write(runAlert(run.step, "warning", "failure", message));
    if (origins.start && !from) {
      const { copied, upcycled, fresh } = await engine.start(origins.start.file), count = (weights: number): string => weights.toLocaleString("en");
      run.log("info", `Weights of ${weightsName(origins.start)}: ${count(copied)} copied, ${count(upcycled)} upcycled into experts, ${count(fresh)} fresh.`);
    }
    if (origins.teacher) run.log("info", `Teacher: ${weightsName(origins.teacher)}.`);
    data = await openData(spec, tokenizer, images, (phase, done, total) => report(phase, done, total, "bytes"));
    for (const { level, message } of data.notes) run.log(level, message);
    if (steps !== training.steps) run.log("info", `Training to step ${steps} instead of the spec's ${training.steps}; the schedule follows.`);
    if (run.step < steps) report("first-step", 0, 1, "step");
    return await new Loop({ run, spec, steps, engine, batches: data.batches, from, alerts, origins }).go(asked);
  } catch (error) {
    if (error instanceof StopAsked) return { reason: "stopped", message: `Stopped before training began, at step ${run.step} of ${steps}.` };
    throw error;
  } finally {
    engine?.dispose();
    data?.close();
  }
}

/** Writes progress: the beginning of each phase at once, then now and then. Ends the attempt where a stop was asked for. */
function reporter(run: RunDirectory, asked: () => boolean): (phase: Phase, done: number, total: number, unit: string) => void {
  let told = -Infinity, last: Phase | null = null;
  return (phase, done, total, unit) => {
    if (phase === last && done < total && performance.now() - told < PROGRESS_MILLISECONDS) return;
    last = phase;
    told = performance.now();
    run.write({ kind: "progress", phase, done, total, unit });
    if (asked()) throw new StopAsked();
  };
}

async function build(spec: RunSpec, steps: number, { vocabularySize, pad }: Pick<TextTokenizer, "vocabularySize" | "pad">, images: Images | null, { teacher }: Origins, mesh: MeshLink | null): Promise<Engine> {
  try {
    const { Engine } = await import(NATIVE) as typeof import("../native/switchyard.d.ts");
    const config: EngineConfig = {
      seed: spec.seed, device: spec.device, model: spec.model, vocabularySize, padToken: pad, startToken: pad,
      training: { ...spec.training, steps }, capacityFactorGrid: [...CAPACITY_FACTOR_GRID],
      ...(images ? { images: images.facts } : {}),
      ...(teacher && spec.distillation ? { distillation: { teacher: { model: teacher.model, file: teacher.file }, hardShare: spec.distillation.hardShare, temperature: spec.distillation.temperature } } : {}),
      ...(mesh ? { mesh: { ...spec.mesh, rank: 0, storeFile: mesh.storeFile } } : {}),
    };
    mesh?.build(config);
    return await Engine.create(config);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "mesh") throw error;
    const failure = asFailure(error);
    if (failure.reason === "disk-full" || failure.reason === "checkpoint-error") throw failure;
    throw new RunFailure("device-error", `The model can't be built: ${(error as Error).message}`, error);
  }
}

const weightsName = ({ name, step }: Weights): string => `"${name}"${step === null ? "" : `, step ${step}`}`;
