// Runs that begin with or learn from others, whole and through the real engine: fine-tuning, distillation, upcycling.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { RunSpec } from "../contract/runSpec.ts";
import { ModelFile } from "../contract/modelFile.ts";
import { engineIsBuilt, eventsOf, exitOf, measured, newRun, ofKind, pairsFile, reached, start, tinySpec, until, weightsOf, whole } from "./fixtures/tinyRun.ts";
import { listCheckpoints } from "./run/checkpoints.ts";
import { shelvesOf } from "./run/weightsSource.ts";

const LONG = 180_000;
const dropoutOff = { dropout: 0 };
const evaluations = (run: string) => ofKind(eventsOf(run), "evaluation").map(({ step, values }) => ({ step, ...values }) as Record<string, number>);
const logs = (run: string) => ofKind(eventsOf(run), "log").map(({ message }) => message);
/** Killed once on the way and resumed, a run measures what it does uninterrupted. */
const resumesBitForBit = async (uninterrupted: string, spec: RunSpec): Promise<void> => {
  const run = newRun(spec), first = start(run);
  await until(run, reached(7));
  first.child.kill("SIGKILL");
  await first.ended;
  expect(await start(run).ended).toMatchObject({ code: 0 });
  expect(exitOf(run)).toMatchObject({ attempt: 2, reason: "completed" });
  expect(ofKind(eventsOf(run), "attempt").at(-1)!.fromStep).toBeGreaterThanOrEqual(5);
  expect(measured(run)).toEqual(measured(uninterrupted));
};
/** The largest difference between the weights of two checkpoints, which have the same names and sizes. */
const distance = (one: string, other: string): number => {
  const [a, b] = [one, other].map((folder) => {
    const bytes = readFileSync(join(folder, "model.safetensors")), header = Number(bytes.readBigUInt64LE());
    return new Float32Array(Uint8Array.from(bytes.subarray(8 + header)).buffer);
  }) as [Float32Array, Float32Array];
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

describe.skipIf(!engineIsBuilt)("runs that begin with others (needs the built engine)", () => {
  let sparse: string, dense: string;
  beforeAll(async () => {
    sparse = await whole(tinySpec({ model: dropoutOff }));
    dense = await whole(tinySpec({ model: { ...dropoutOff, sparse: null } }));
  }, LONG);

  const fineTuning = (changes: { data?: object; training?: object; model?: object } = {}) => tinySpec({
    start: weightsOf(sparse), model: { ...dropoutOff, sparse: { experts: 4, expertDropout: 0 }, ...changes.model },
    data: { source: { kind: "jsonl", paths: [pairsFile()] }, objective: "text-to-text", inputLength: 8, targetLength: 4, ...changes.data },
    training: { schedule: "constant", ...changes.training },
  });

  test("fine-tuned on pairs, a run learns to give targets in full", async () => {
    const run = await whole(fineTuning({ training: { steps: 400, batchSize: 16, learningRate: 0.01, evaluateEvery: 100, evaluationBatches: 100, routingEvery: 100, checkpoint: { everySteps: 1000, everyMinutes: 1000 } } }));
    const found = evaluations(run);
    expect(found.map(({ step }) => step)).toEqual([0, 100, 200, 300, 400]);
    expect(found[0]!["evaluation.exactMatch"]).toBeLessThan(0.05);
    expect(found.at(-1)!["evaluation.exactMatch"]).toBeGreaterThan(0.9);
    expect(found.at(-1)!["evaluation.accuracy"]).toBeGreaterThanOrEqual(found.at(-1)!["evaluation.exactMatch"]!);
    expect(logs(run)).toEqual(expect.arrayContaining([
      expect.stringMatching(/^Weights of "tiny", step 24: [\d,]+ copied, 0 upcycled into experts, 0 fresh\.$/), expect.stringMatching(/^Pairs: \d+ to train on, \d+ held out/),
    ]));
  }, LONG);

  test("a fine-tuned run resumes bit for bit, the source gone or not", async () => {
    const source = await whole(tinySpec({ model: dropoutOff, training: { steps: 6 } }));
    const spec = { ...fineTuning(), start: weightsOf(source) }, uninterrupted = await whole(spec), run = newRun(spec), first = start(run);
    await until(run, reached(7));
    first.child.kill("SIGKILL");
    await first.ended;
    rmSync(source, { recursive: true });
    expect(await start(run).ended).toMatchObject({ code: 0 });
    expect(measured(run)).toEqual(measured(uninterrupted));
  }, LONG);

  test("a decoder fine-tunes on pairs as well", async () => {
    const decoder = { ...dropoutOff, architecture: "decoder-only" };
    const source = await whole(tinySpec({ model: decoder, data: { objective: "causal" }, training: { steps: 6 } }));
    const spec = { ...fineTuning({ model: decoder, data: { targetLength: 8 } }), start: weightsOf(source) }, run = await whole(spec);
    expect(evaluations(run).at(-1)!["evaluation.loss"]).toBeLessThan(evaluations(run)[0]!["evaluation.loss"]!);
    await resumesBitForBit(run, spec);
  }, LONG);

  test("a dense student learns from a sparse run, begins with its other weights, and resumes bit for bit", async () => {
    const spec = tinySpec({ seed: 5, model: { ...dropoutOff, sparse: null }, distillation: { teacher: weightsOf(sparse), hardShare: 0.25, temperature: 2 } });
    const run = await whole(spec), steps = ofKind(eventsOf(run), "metrics").map(({ values }) => values as Record<string, number>);
    for (const { loss, distillationLoss, totalLoss } of steps) expect(totalLoss).toBeCloseTo(0.25 * loss! + 0.75 * distillationLoss!, 4);
    expect(evaluations(run).at(-1)!["evaluation.loss"]).toBeLessThan(evaluations(run)[0]!["evaluation.loss"]!);
    expect(logs(run)).toEqual(expect.arrayContaining([expect.stringMatching(/^Weights of "tiny", step 24: [\d,]+ copied, 0 upcycled into experts, 2,048 fresh\.$/)]));
    // The teacher is as good here as at the end of its own run, and is looked at once.
    expect(evaluations(run)[0]!["evaluation.teacherLoss"]).toBe(evaluations(sparse).at(-1)!["evaluation.loss"]);
    expect(evaluations(run).filter((values) => "evaluation.teacherLoss" in values)).toHaveLength(1);
    expect(logs(run)).toContain('Teacher: "tiny", step 24.');
    await resumesBitForBit(run, spec);
    // Without a step the newest checkpoint is meant, and a resume keeps to the one it began with.
    expect(listCheckpoints(run)[0]!.manifest.position).toMatchObject({ teacherStep: 24 });
  }, LONG);

  test("upcycled to one expert a dense run goes on as it was; to several it starts with copies of its layers", async () => {
    const single = await whole(tinySpec({ seed: 9, start: weightsOf(dense), model: { ...dropoutOff, sparse: { experts: 1, capacityFactor: { training: 1, evaluation: 1 } } }, training: { steps: 1, warmupSteps: 0 } }));
    // One expert's probability is 1: the same function, but for the order of its sums.
    expect(evaluations(single)[0]!["evaluation.loss"]).toBeCloseTo(evaluations(dense).at(-1)!["evaluation.loss"]!, 5);
    const spec = tinySpec({ seed: 9, start: weightsOf(dense), model: { ...dropoutOff, sparse: { experts: 4 } } }), run = await whole(spec);
    expect(logs(run)).toEqual(expect.arrayContaining([expect.stringMatching(/^Weights of "tiny", step 24: [\d,]+ copied, 8,192 upcycled into experts, 128 fresh\.$/)]));
    await resumesBitForBit(run, spec);
  }, LONG);

  test("weights are those of the step that is named", async () => {
    const [newest, earlier] = listCheckpoints(dense) as [ReturnType<typeof listCheckpoints>[0], ReturnType<typeof listCheckpoints>[0]], { step } = earlier.manifest;
    const run = await whole(tinySpec({ start: weightsOf(dense, step), model: { ...dropoutOff, sparse: null }, training: { steps: 1, learningRate: 1e-8, warmupSteps: 0 } }));
    expect(logs(run).some((line) => line.startsWith(`Weights of "tiny", step ${step}:`))).toBe(true);
    // One step of a tiny learning rate moves them hardly.
    const { folder } = listCheckpoints(run)[0]!;
    expect(distance(folder, earlier.folder)).toBeLessThan(1e-6);
    expect(distance(folder, newest.folder)).toBeGreaterThan(1e-3);
  }, LONG);

  test("an imported model gives its weights and its larger vocabulary, which the run's own checkpoints then keep", async () => {
    const { models } = shelvesOf(dense), id = "0199bbbb-0000-7000-8000-000000000001", folder = join(models, id);
    mkdirSync(folder, { recursive: true });
    const bytes = readFileSync(join(listCheckpoints(dense)[0]!.folder, "model.safetensors")), widened = widenVocabulary(bytes, 400);
    writeFileSync(join(folder, "model.safetensors"), widened);
    const describeModel = (endToken: number) => writeFileSync(join(folder, "model.json"), JSON.stringify(ModelFile.parse({
      v: 1, id, name: "imported", importedAt: 0, source: "/somewhere", model: tinySpec({ model: { ...dropoutOff, sparse: null } }).model, vocabularySize: 400, padToken: 0, startToken: 0, endToken, tokenizer: { kind: "bytes" },
      parameters: 1, files: [{ name: "model.safetensors", bytes: widened.length, sha256: createHash("sha256").update(widened).digest("hex") }],
    })));
    describeModel(1);
    const spec = tinySpec({ start: { kind: "model", id }, model: { ...dropoutOff, sparse: null } }), run = await whole(spec);
    expect(logs(run)).toEqual(expect.arrayContaining([expect.stringMatching(/^Weights of "imported": [\d,]+ copied, 0 upcycled/)]));
    await resumesBitForBit(run, spec);
    describeModel(2);
    const other = newRun(spec);
    expect(await start(other).ended).toMatchObject({ code: 2 });
    expect(exitOf(other).message).toBe('"imported" marks padding, start and end with the tokens 0, 0 and 2, and the tokenizer with 0, 0 and 1; choose the tokenizer that the model was trained with.');
    describeModel(1);
    writeFileSync(join(folder, "model.safetensors"), widened.subarray(0, -4));
    const damaged = newRun(spec);
    expect(await start(damaged).ended).toMatchObject({ code: 5 });
    expect(exitOf(damaged)).toMatchObject({ reason: "checkpoint-error", message: 'The imported model "imported" is damaged (model.safetensors has another size than recorded). Choose other weights.' });
  }, LONG);

  test.each<[string, () => RunSpec, string]>([
    ["a run that is not there", () => tinySpec({ start: { kind: "run", id: "0199cccc-0000-7000-8000-000000000009", step: null } }), "The run 0199cccc-0000-7000-8000-000000000009, whose weights are asked for, is not there; it may have been removed. Choose another."],
    ["a model that is not there", () => tinySpec({ start: { kind: "model", id: "0199cccc-0000-7000-8000-000000000009" } }), "The imported model 0199cccc-0000-7000-8000-000000000009 is not there; it may have been removed. Choose another."],
    ["a run without a checkpoint", () => tinySpec({ start: weightsOf(newRun(tinySpec())) }), 'The run "tiny" has no checkpoint yet, so it has no weights to give.'],
    ["a step without a checkpoint", () => tinySpec({ start: weightsOf(dense, 3) }), 'The run "tiny" has no checkpoint of step 3; there are 24, 20.'],
    ["a model of other sizes", () => tinySpec({ start: weightsOf(dense), model: { ...dropoutOff, dModel: 32 } }), 'The spec is wrong at start: "tiny" has another model width (16, here 32); its weights fit a model with the same.'],
    ["a teacher of another architecture", () => tinySpec({ model: { architecture: "decoder-only" }, data: { objective: "causal" }, distillation: { teacher: weightsOf(sparse) } }), 'The spec is wrong at distillation.teacher: "tiny" is of another architecture (encoder-decoder); its student must be of the same.'],
  ])("%s ends the attempt with a sentence", async (_, spec, message) => {
    const run = newRun(spec());
    expect(await start(run).ended).toMatchObject({ code: 2 });
    expect(exitOf(run)).toMatchObject({ reason: "spec-error", message });
  }, LONG);

  test("a damaged newest checkpoint of the source is passed over, and said", async () => {
    const source = await whole(tinySpec({ model: dropoutOff, training: { steps: 12 } })), [newest, before] = listCheckpoints(source) as [ReturnType<typeof listCheckpoints>[0], ReturnType<typeof listCheckpoints>[0]];
    writeFileSync(join(newest.folder, "model.safetensors"), "");
    const run = await whole(tinySpec({ start: weightsOf(source), model: dropoutOff, training: { steps: 2, warmupSteps: 0 } }));
    expect(logs(run).some((line) => line.startsWith(`Weights of "tiny", step ${before.manifest.step}:`))).toBe(true);
    expect(ofKind(eventsOf(run), "alert").map(({ message }) => message)).toContain(`The checkpoint of step ${newest.manifest.step} of "tiny" is damaged (model.safetensors has another size than recorded).`);
  }, LONG);
});

/** The same safetensors file with rows of zeros added to the embedding, which must be its first tensor. */
function widenVocabulary(bytes: Buffer, rows: number): Buffer {
  const header = Number(bytes.readBigUInt64LE()), entries = JSON.parse(bytes.subarray(8, 8 + header).toString()) as Record<string, { shape: number[]; data_offsets: [number, number] }>;
  const embedding = entries["shared.weight"]!, [, end] = embedding.data_offsets, added = (rows - embedding.shape[0]!) * embedding.shape[1]! * 4;
  expect(embedding.data_offsets[0]).toBe(0);
  for (const [name, entry] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    if (name === "shared.weight") { entry.shape[0] = rows; entry.data_offsets[1] += added; }
    else entry.data_offsets = [entry.data_offsets[0] + added, entry.data_offsets[1] + added];
  }
  const text = Buffer.from(JSON.stringify(entries)), length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, bytes.subarray(8 + header, 8 + header + end), Buffer.alloc(added), bytes.subarray(8 + header + end)]);
}
