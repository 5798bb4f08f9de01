// Steps, and what is recorded, evaluated and saved between them.
import { optimizerBytes } from "../contract/consequences.ts";
import { toWire } from "../contract/events.ts";
import type { Manifest } from "../contract/runDirectory.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import type { Batch, Engine, EvaluationResult, StepResult } from "../native/switchyard.d.ts";
import { Alerts, runAlert, type AlertState, type NewAlert } from "./alerts.ts";
import type { BatchSource } from "./data/batches.ts";
import { DiskSpace } from "./diskSpace.ts";
import { RunFailure } from "./failure.ts";
import { TEACHER_STEP, type Origins } from "./origins.ts";
import { rankValues } from "./rankMetrics.ts";
import { routingValues } from "./routingMetrics.ts";
import { bestOf, bytesOf, listCheckpoints, retain, writeCheckpoint } from "./run/checkpoints.ts";
import { say, type NewEvent, type RunDirectory } from "./run/runDirectory.ts";
import { Stall } from "./stall.ts";

export interface Ending { reason: "completed" | "stopped"; message: string }
export interface LoopParts {
  run: RunDirectory; spec: RunSpec;
  /** The step to train to. */
  steps: number;
  engine: Engine; batches: BatchSource;
  /** The checkpoint that was restored, and what the alerts had seen then. */
  from: Manifest | null; alerts: AlertState | undefined;
  /** Whose weights the run began with and learns from. */
  origins: Origins;
}

/** Work beside training steps that takes longer than this is shown as progress. */
const SHOWN_AFTER_MILLISECONDS = 500;
/** How often the disk is looked at, and a step that does not finish. */
const DISK_MILLISECONDS = 30_000, WATCH_MILLISECONDS = 1000;

export class Loop {
  readonly #parts: LoopParts;
  readonly #alerts: Alerts;
  readonly #stall = new Stall();
  readonly #disk: DiskSpace;
  #tokens: number;
  #seconds: number;
  #evaluation: { step: number; loss: number | null } | null = null;
  #saved: { step: number; bytes: number; at: number };
  #lookedAtDisk = 0;

  constructor(parts: LoopParts) {
    const { run, from, alerts } = parts;
    this.#parts = parts;
    this.#alerts = new Alerts(alerts);
    this.#disk = new DiskSpace(run.path);
    this.#tokens = from?.tokens ?? 0;
    this.#seconds = from?.seconds ?? 0;
    this.#saved = { step: from?.step ?? -1, bytes: from ? bytesOf(from) : 0, at: performance.now() };
  }

  /** Trains until the last step, or until `asked` says so after a step. */
  async go(asked: () => boolean): Promise<Ending> {
    const { run, batches, steps, spec: { training } } = this.#parts, size = training.batchSize;
    const { everySteps, everyMinutes } = training.checkpoint;
    await this.#lookAtDisk();
    const { from, origins } = this.#parts;
    // What was taken over is looked at before it changes.
    if (!from && (origins.start || origins.teacher)) await this.#evaluate(asked);
    // A stop may have cut short the evaluation that was due at the step of its checkpoint.
    if (from && from.evaluationLoss === null && from.step % training.evaluateEvery === 0) await this.#evaluate(asked);
    let batch: Batch | null = null;
    while (run.step < steps) {
      if (asked()) {
        if (run.step > this.#saved.step) await this.#save("stop");
        return { reason: "stopped", message: `Stopped at step ${run.step} of ${steps}.` };
      }
      const next = run.step + 1;
      batch = await this.#step(next, batch ?? batches.training(run.step * size), next < steps ? () => batches.training(next * size) : () => null);
      if (next % training.evaluateEvery === 0 || next === steps) await this.#evaluate(asked);
      if (next === steps) await this.#save("final");
      else if (run.requested("checkpoint")) { await this.#save("request"); run.answered("checkpoint"); }
      else if (next % everySteps === 0 || performance.now() - this.#saved.at > everyMinutes * 60_000) await this.#save("schedule");
      if (performance.now() - this.#lookedAtDisk > DISK_MILLISECONDS) await this.#lookAtDisk();
    }
    return { reason: "completed", message: `Completed ${steps} steps.` };
  }

  /** One step, recorded. Returns the next batch, prepared while the engine worked. */
  async #step<T>(step: number, batch: Batch, prepare: () => T): Promise<T> {
    const { run, engine, batches, steps, spec: { training } } = this.#parts;
    const routing = step % training.routingEvery === 0 || step === 1 || step === steps;
    const began = performance.now(), pending = engine.step(batch, { routing });
    const watch = setInterval(() => this.#raise(this.#stall.waiting(step, (performance.now() - began) / 1000)), WATCH_MILLISECONDS);
    let result: StepResult, prepared: { batch: T } | { error: unknown };
    try {
      const tokens = batches.tokensIn(batch);
      // Text that can't be read must not take the step with it that is under way.
      try { prepared = { batch: prepare() }; } catch (error) { prepared = { error }; }
      result = await pending;
      const seconds = (performance.now() - began) / 1000;
      if (!result.finite) this.#refuse(step, result);
      run.step = step;
      this.#tokens += tokens;
      this.#seconds += seconds;
      this.#record(result, tokens, seconds, engine.device === "cpu" ? null : (await engine.memory()).peakBytes);
    } finally { clearInterval(watch); }
    if ("error" in prepared) throw prepared.error;
    return prepared.batch;
  }

  #refuse(step: number, { loss, gradientNorm }: StepResult): never {
    const message = `The ${Number.isFinite(loss) ? `gradient became ${gradientNorm}` : `loss became ${loss}`} at step ${step}; parameters were left as they were. Lower the learning rate and start again.`;
    this.#raise(runAlert(step, "error", "non-finite", message));
    throw new RunFailure("non-finite", message);
  }

  #raise(alert: NewAlert | null): void { if (alert) this.#parts.run.write(alert); }

  /** deviceMemory: the most bytes held on a GPU; null on the CPU. */
  #record(result: StepResult, tokens: number, seconds: number, deviceMemory: number | null): void {
    const { run, steps, spec } = this.#parts, { training, model } = spec, { step, routing } = result;
    if (result.note) run.log("info", result.note);
    const stalled = this.#stall.finished(step, seconds);
    const alerts = [...this.#alerts.observe(result), ...(stalled ? [stalled] : [])];
    const due = step % training.logEvery === 0 || step === 1 || step === steps;
    if (!due && !routing) return alerts.length ? run.write(...alerts) : undefined;
    const layers = (routing ?? []).map((layer) => ({
      kind: "routing" as const, step, ...layer, entropy: toWire(layer.entropy), confidence: toWire(layer.confidence),
      dropped: toWire(layer.dropped), auxiliaryLoss: toWire(layer.auxiliaryLoss), zLoss: toWire(layer.zLoss),
    }));
    const { loss, totalLoss, auxiliaryLoss, zLoss, distillationLoss, gradientNorm, learningRate, sparsity } = result;
    const values = {
      loss, totalLoss, ...(distillationLoss === undefined ? {} : { distillationLoss }), ...(model.sparse ? { auxiliaryLoss, zLoss } : {}), gradientNorm, learningRate, ...(sparsity === undefined ? {} : { sparsity }),
      tokensPerSecond: tokens / seconds, stepSeconds: seconds, memoryBytes: process.resourceUsage().maxRSS * 1024, ...(deviceMemory === null ? {} : { deviceMemoryBytes: deviceMemory }),
      ...(result.ranks ? rankValues(result.ranks, spec.mesh) : {}),
      ...(routing?.length ? { ...routingValues(routing), deadExperts: this.#alerts.deadExperts } : {}),
    };
    run.write({ kind: "metrics", step, tokens: this.#tokens, seconds: this.#seconds, values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toWire(value)])) }, ...layers, ...alerts);
    if (step % 10 === 0 || step === 1) say(`step ${step}/${steps} loss ${loss.toFixed(4)} ${(tokens / seconds).toFixed(0)} tokens/s`);
  }

  /** Looks at the held-out examples, at the start with the teacher as well. A stop that is asked for meanwhile ends it, with nothing recorded. */
  async #evaluate(asked: () => boolean): Promise<void> {
    const { run, engine, origins, spec } = this.#parts;
    const teacher = origins.teacher && run.step === 0 ? await this.#overHeldOut((batch) => engine.evaluateTeacher(batch), asked) : undefined;
    const result = teacher === null ? null : await this.#overHeldOut((batch) => engine.evaluate(batch), asked);
    if (!result) return;
    const { loss, accuracy, exactMatch, droppedFraction } = result, pairs = spec.data.objective === "text-to-text", images = spec.data.objective === "classification";
    this.#evaluation = { step: run.step, loss: Number.isFinite(loss) ? loss : null };
    run.write({ kind: "evaluation", step: run.step, tokens: this.#tokens, seconds: this.#seconds, values: {
      "evaluation.loss": toWire(loss), "evaluation.accuracy": toWire(accuracy), ...(pairs ? { "evaluation.exactMatch": exactMatch } : {}),
      ...(droppedFraction === null ? {} : { "evaluation.droppedFraction": droppedFraction }), ...(teacher ? { "evaluation.teacherLoss": toWire(teacher.loss) } : {}),
    } });
    const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
    run.log("info", `Evaluation at step ${run.step}: cross-entropy ${loss.toFixed(4)} nats/${images ? "image" : "token"}${teacher ? ` (the teacher's ${teacher.loss.toFixed(4)})` : ""}, ${percent(accuracy)} of ${images ? "images" : "target tokens"} right${pairs ? `, ${percent(exactMatch)} of targets in full` : ""}.`);
    say(`evaluation at step ${run.step}: ${loss.toFixed(4)}`);
  }

  /** Means over the held-out batches; null where a stop was asked for. */
  async #overHeldOut(evaluate: (batch: Batch) => Promise<EvaluationResult>, asked: () => boolean): Promise<{ loss: number; accuracy: number; exactMatch: number; droppedFraction: number | null } | null> {
    const { run, batches } = this.#parts;
    let lossSum = 0, targets = 0, correct = 0, sequences = 0, exact = 0, routed = 0, dropped = 0;
    let told = performance.now();
    for (let i = 0; i < batches.evaluationBatches; i++) {
      if (asked()) return null;
      const result = await evaluate(batches.evaluation(i));
      lossSum += result.lossSum;
      targets += result.targetTokens;
      correct += result.correct;
      sequences += result.sequences;
      exact += result.exact;
      for (const layer of result.routing) { routed += layer.tokens; dropped += layer.dropped * layer.tokens; }
      if (performance.now() - told < SHOWN_AFTER_MILLISECONDS) continue;
      told = performance.now();
      run.write({ kind: "progress", phase: "evaluating", done: i + 1, total: batches.evaluationBatches, unit: "batches" });
    }
    return { loss: lossSum / targets, accuracy: correct / targets, exactMatch: exact / sequences, droppedFraction: routed ? dropped / routed : null };
  }

  async #save(reason: Extract<NewEvent, { kind: "checkpoint" }>["reason"]): Promise<void> {
    const { run, engine, spec, origins } = this.#parts, { step } = run, { keepLast, keepBest } = spec.training.checkpoint;
    // Only an evaluation of these very parameters says how good the checkpoint is.
    const evaluationLoss = this.#evaluation?.step === step ? this.#evaluation.loss : null;
    const slow = setTimeout(() => run.write({ kind: "progress", phase: "saving-checkpoint", done: 0, total: this.#saved.bytes || null, unit: "bytes" }), SHOWN_AFTER_MILLISECONDS);
    let bytes: number;
    try {
      bytes = await writeCheckpoint(run.path, engine, this.#alerts.state(), {
        step, attempt: run.attempt, engine: `switchyard (${engine.device})`, tokens: this.#tokens, seconds: this.#seconds,
        position: { example: step * spec.training.batchSize, seed: spec.seed, ...(origins.teacher?.step ? { [TEACHER_STEP]: origins.teacher.step } : {}) }, evaluationLoss,
      });
    } finally { clearTimeout(slow); }
    this.#saved = { step, bytes, at: performance.now() };
    const best = bestOf(listCheckpoints(run.path))?.manifest.step === step;
    run.write({ kind: "checkpoint", step, action: "written", reason, bytes, evaluationLoss, best });
    run.log("info", `Checkpoint of step ${step} saved, ${(bytes / 2 ** 20).toFixed(1)} MiB (${reason}).`);
    for (const { manifest } of retain(run.path, keepLast, keepBest))
      run.write({ kind: "checkpoint", step: manifest.step, action: "removed", reason: "retention", bytes: bytesOf(manifest), evaluationLoss: manifest.evaluationLoss, best: false });
    await this.#lookAtDisk();
  }

  async #lookAtDisk(): Promise<void> {
    this.#lookedAtDisk = performance.now();
    if (this.#saved.bytes === 0) {
      // Of the whole model, of which this rank may hold a part.
      this.#saved.bytes = this.#parts.engine.parameterCount() * (4 + optimizerBytes(this.#parts.spec.training.optimizer.kind));
    }
    this.#raise(this.#disk.look(this.#parts.run.step, this.#saved.bytes));
  }
}
