// One attempt of a run: data, model, the last good checkpoint, then steps until the end or a stop.
import { CAPACITY_FACTOR_GRID, toWire } from "../contract/events.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import type { Engine, LayerRouting, StepResult } from "../native/switchyard.d.ts";
import { Alerts } from "./alerts.ts";
import { Batches, countTokens } from "./data/batches.ts";
import { defaultCache, openCorpus, type Corpus } from "./data/corpus.ts";
import { openTokenizer } from "./data/tokenizer.ts";
import { RunFailure } from "./failure.ts";
import { bestOf, damageOf, listCheckpoints, retain, writeCheckpoint, type StoredCheckpoint } from "./run/checkpoints.ts";
import { say, type RunDirectory } from "./run/runDirectory.ts";

const NATIVE = new URL("../native/load.ts", import.meta.url).href;
export interface Ending { reason: "completed" | "stopped"; message: string }

export async function train(run: RunDirectory, spec: RunSpec, stopping: () => boolean): Promise<Ending> {
  const { training } = spec, steps = run.steps ?? training.steps;
  const { vocabularySize, pad } = openTokenizer(spec.data.tokenizer);
  const engine = await build(spec, steps, vocabularySize, pad);
  let corpus: Corpus | null = null;
  try {
    const { from, damaged } = await restore(run, engine);
    run.step = from?.step ?? 0;
    // First of all, since it says which rows of earlier attempts are superseded.
    run.write({ kind: "attempt", fromStep: run.step, parameters: engine.parameterCount(), device: engine.device, precision: spec.model.precision });
    for (const message of damaged) run.write({ kind: "alert", step: run.step, level: "warning", code: "failure", message, stack: null, layer: null, expert: null });
    let told = 0;
    corpus = await openCorpus(spec.data, defaultCache(), (phase, done, total) => {
      if (done < total && Date.now() - told < 500) return;
      told = Date.now();
      run.write({ kind: "progress", phase, done, total, unit: "bytes" });
    });
    const { index } = corpus, batches = new Batches(corpus, spec.data, spec.seed, training.batchSize, training.evaluationBatches);
    run.log("info", `Text: ${index.documents} documents, ${index.heldOutDocuments} held out, ${index.training} training tokens${corpus.cached ? ", prepared before" : ""}.`);
    if (index.invalidBytes) run.log("warning", `${index.invalidBytes} bytes in ${index.invalidFiles} files are not valid UTF-8 and were replaced.`);
    if (run.steps !== null && run.steps !== training.steps) run.log("info", `Training to step ${steps} instead of the spec's ${training.steps}; the schedule follows.`);
    return await new Loop(run, spec, steps, engine, batches, pad, from).go(stopping);
  } finally {
    engine.dispose();
    corpus?.close();
  }
}

async function build(spec: RunSpec, steps: number, vocabularySize: number, pad: number): Promise<Engine> {
  try {
    const { Engine } = await import(NATIVE) as typeof import("../native/switchyard.d.ts");
    const { learningRate, schedule, warmupSteps, optimizer, gradientClip, threads } = spec.training;
    return await Engine.create({
      seed: spec.seed, device: spec.device, model: spec.model, vocabularySize, padToken: pad, startToken: pad,
      training: { learningRate, schedule, warmupSteps, steps, optimizer, gradientClip, threads }, capacityFactorGrid: [...CAPACITY_FACTOR_GRID],
    });
  } catch (error) {
    throw new RunFailure("device-error", `The model can't be built: ${(error as Error).message}`, error);
  }
}

/** Loads the newest checkpoint whose checksums hold; the damaged ones before it are named. */
async function restore(run: RunDirectory, engine: Engine): Promise<{ from: StoredCheckpoint["manifest"] | null; damaged: string[] }> {
  const damaged: string[] = [];
  const all = listCheckpoints(run.path);
  for (const checkpoint of all) {
    const { step } = checkpoint.manifest;
    let wrong = await damageOf(checkpoint);
    if (wrong === null) {
      try { await engine.load(checkpoint.folder); return { from: checkpoint.manifest, damaged }; }
      catch (error) { wrong = (error as Error).message; }
    }
    damaged.push(`The checkpoint of step ${step} is damaged (${wrong}); going on from the one before.`);
  }
  if (all.length) throw new RunFailure("checkpoint-error", `None of the ${all.length} checkpoints can be used: ${damaged[0]!}`);
  return { from: null, damaged };
}

class Loop {
  #tokens: number;
  #seconds: number;
  #evaluationLoss: number | null;
  #evaluatedAt = -1;
  #savedAt: number;
  #savedTime = performance.now();
  readonly #alerts = new Alerts();
  readonly run: RunDirectory; readonly spec: RunSpec; readonly steps: number; readonly engine: Engine; readonly batches: Batches; readonly pad: number;

  constructor(run: RunDirectory, spec: RunSpec, steps: number, engine: Engine, batches: Batches, pad: number, from: StoredCheckpoint["manifest"] | null) {
    this.run = run; this.spec = spec; this.steps = steps; this.engine = engine; this.batches = batches; this.pad = pad;
    this.#tokens = from?.tokens ?? 0;
    this.#seconds = from?.seconds ?? 0;
    this.#evaluationLoss = from?.evaluationLoss ?? null;
    this.#savedAt = from?.step ?? -1;
  }

  async go(stopping: () => boolean): Promise<Ending> {
    const { run, engine, batches, steps, spec: { training } } = this, size = training.batchSize;
    const { everySteps, everyMinutes } = training.checkpoint;
    let batch = batches.training(run.step * size);
    while (run.step < steps) {
      if (stopping() || run.asked("stop")) {
        if (run.step > this.#savedAt) await this.#save("stop");
        return { reason: "stopped", message: `Stopped at step ${run.step} of ${steps}.` };
      }
      const next = run.step + 1, routing = next % training.routingEvery === 0 || next === 1 || next === steps;
      const began = performance.now(), pending = engine.step(batch, { routing });
      const tokens = countTokens(batch, this.pad);
      if (next < steps) batch = batches.training(next * size); // prepared while the engine works
      const result = await pending, seconds = (performance.now() - began) / 1000;
      if (!result.finite) this.#refuse(next, result);
      run.step = next;
      this.#tokens += tokens;
      this.#seconds += seconds;
      await this.#record(result, tokens, seconds);
      if (next % training.evaluateEvery === 0 || next === steps) await this.#evaluate();
      if (next === steps) await this.#save("final");
      else if (run.asked("checkpoint")) { await this.#save("request"); run.answered("checkpoint"); }
      else if (next % everySteps === 0 || performance.now() - this.#savedTime > everyMinutes * 60_000) await this.#save("schedule");
    }
    return { reason: "completed", message: `Completed ${steps} steps.` };
  }

  #refuse(step: number, { loss, gradientNorm }: StepResult): never {
    const message = `The ${Number.isFinite(loss) ? `gradient became ${gradientNorm}` : `loss became ${loss}`} at step ${step}; parameters were left as they were. Lower the learning rate and start again.`;
    this.run.write({ kind: "alert", step, level: "error", code: "non-finite", message, stack: null, layer: null, expert: null });
    throw new RunFailure("non-finite", message);
  }

  async #record(result: StepResult, tokens: number, seconds: number): Promise<void> {
    const { run, spec: { training } } = this, { step, routing } = result;
    const alerts = this.#alerts.observe(result);
    const layers = (routing ?? []).map((layer) => ({
      kind: "routing" as const, step, ...layer, entropy: toWire(layer.entropy), confidence: toWire(layer.confidence),
      dropped: toWire(layer.dropped), auxiliaryLoss: toWire(layer.auxiliaryLoss), zLoss: toWire(layer.zLoss),
    }));
    const due = step % training.logEvery === 0 || step === 1 || step === this.steps;
    if (due || routing) {
      const { loss, totalLoss, auxiliaryLoss, zLoss, gradientNorm, learningRate } = result;
      const values = {
        loss, totalLoss, ...(this.spec.model.sparse ? { auxiliaryLoss, zLoss } : {}), gradientNorm, learningRate,
        tokensPerSecond: tokens / seconds, stepSeconds: seconds, memoryBytes: process.resourceUsage().maxRSS * 1024,
        ...(routing?.length ? { ...routingValues(routing), deadExperts: this.#alerts.deadExperts } : {}),
      };
      run.write({ kind: "metrics", step, tokens: this.#tokens, seconds: this.#seconds, values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toWire(value)])) }, ...layers, ...alerts);
      if (step % 10 === 0 || step === 1) say(`step ${step}/${this.steps} loss ${loss.toFixed(4)} ${(tokens / seconds).toFixed(0)} tokens/s`);
    } else if (alerts.length) run.write(...alerts);
  }

  async #evaluate(): Promise<void> {
    const { run, engine, batches } = this;
    let lossSum = 0, targets = 0, correct = 0, routed = 0, kept = 0;
    for (let i = 0; i < batches.evaluationBatches; i++) {
      const result = await engine.evaluate(batches.evaluation(i));
      lossSum += result.lossSum;
      targets += result.targetTokens;
      correct += result.correct;
      for (const layer of result.routing) { routed += layer.tokens; kept += sum(layer.kept); }
    }
    const loss = lossSum / targets;
    this.#evaluationLoss = Number.isFinite(loss) ? loss : null;
    this.#evaluatedAt = run.step;
    run.write({ kind: "evaluation", step: run.step, tokens: this.#tokens, seconds: this.#seconds, values: {
      "evaluation.loss": toWire(loss), "evaluation.accuracy": toWire(correct / targets), ...(routed ? { "evaluation.droppedFraction": 1 - kept / routed } : {}),
    } });
    say(`evaluation at step ${run.step}: ${loss.toFixed(4)}`);
  }

  async #save(reason: "schedule" | "stop" | "request" | "final"): Promise<void> {
    const { run, engine, spec } = this, { step } = run, { keepLast, keepBest } = spec.training.checkpoint;
    // Only an evaluation of these very parameters says how good the checkpoint is.
    const evaluationLoss = this.#evaluatedAt === step ? this.#evaluationLoss : null;
    const bytes = await writeCheckpoint(run.path, engine, {
      step, attempt: run.attempt, engine: `switchyard (${engine.device})`, tokens: this.#tokens, seconds: this.#seconds,
      position: { example: step * spec.training.batchSize, seed: spec.seed }, evaluationLoss,
    });
    this.#savedAt = step;
    this.#savedTime = performance.now();
    const best = bestOf(listCheckpoints(run.path))?.manifest.step === step;
    run.write({ kind: "checkpoint", step, action: "written", reason, bytes, evaluationLoss, best });
    for (const { manifest } of retain(run.path, keepLast, keepBest))
      run.write({ kind: "checkpoint", step: manifest.step, action: "removed", reason: "retention", bytes: manifest.files.reduce((all, file) => all + file.bytes, 0), evaluationLoss: manifest.evaluationLoss, best: false });
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The run's routing metrics of a step, over all sparse layers. Definitions: contract/metrics.ts. */
export function routingValues(layers: readonly LayerRouting[]): Record<"droppedFraction" | "paddingFraction" | "overload" | "routerEntropy" | "routerConfidence", number> {
  let tokens = 0, kept = 0, places = 0, overload = 0, entropy = 0, confidence = 0;
  for (const layer of layers) {
    tokens += layer.tokens;
    kept += sum(layer.kept);
    places += layer.experts * layer.capacity * layer.groups;
    overload = Math.max(overload, Math.max(...layer.load) * layer.experts / Math.max(1, layer.tokens));
    entropy += layer.entropy * layer.tokens;
    confidence += layer.confidence * layer.tokens;
  }
  const all = Math.max(1, tokens);
  return { droppedFraction: 1 - kept / all, paddingFraction: 1 - kept / Math.max(1, places), overload, routerEntropy: entropy / all, routerConfidence: confidence / all };
}
