// The built addon from JavaScript: promises, errors, order, and a free event loop.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { consequences, type ImageFacts } from "../contract/consequences.ts";
import { Devices } from "../contract/handlers.ts";
import { RunSpec, type RunSpecInput } from "../contract/runSpec.ts";
import { Engine, devices, measureCpu } from "./load.ts";
import type { Batch, EngineConfig } from "./switchyard.d.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-addon-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(input: RunSpecInput = {}, vocabularySize = 384): EngineConfig {
  const { seed, device, model, training } = RunSpec.parse({ device: "cpu", ...input });
  return { seed, device, model, training, vocabularySize, padToken: 0, startToken: 0, capacityFactorGrid: [0.5, 1, 2] };
}
const small = { dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, decoderLayers: 2, precision: "fp32" as const, sparse: { experts: 4 } };
const digits = { source: { kind: "images" as const, name: "mnist" as const }, objective: "classification" as const };
const ids = (count: number, from = 1) => Int32Array.from({ length: count }, (_, i) => from + (i * 7) % 300);
const batch = (size = 4, from = 1): Batch => ({ batchSize: size, input: ids(size * 16, from), inputLength: 16, labels: ids(size * 8, from), labelLength: 8 });

test("devices are those of the contract", async () => {
  const found = await devices();
  expect(Devices.safeParse({ ...found, cpu: { ...found.cpu, utilization: null } }).error).toBeUndefined();
  expect(found.cuda.available).toBe(found.cuda.reason === null);
});

test("the rates of this CPU are those of a CPU", async () => {
  const { fp32, bf16, memoryBandwidth } = await measureCpu();
  for (const rate of [fp32, bf16]) expect(rate).toBeGreaterThan(1e9);
  for (const rate of [fp32, bf16]) expect(rate).toBeLessThan(1e14);
  expect(memoryBandwidth).toBeGreaterThan(1e8);
  expect(memoryBandwidth).toBeLessThan(1e13);
});

describe("the number of parameters foretold is the engine's", () => {
  test.each<[string, RunSpecInput, ImageFacts?]>([
    ["default", {}],
    ["dense", { model: { ...small, sparse: null } }],
    ["untied, every layer sparse", { model: { ...small, tiedEmbeddings: false, sparse: { experts: 3, every: 1 } } }],
    ["uneven stacks", { model: { ...small, encoderLayers: 3, decoderLayers: 5, sparse: { experts: 5, every: 3 } } }],
    ["gated, sparse", { model: { ...small, feedForward: "gated-gelu" } }],
    ["gated, dense", { model: { ...small, feedForward: "gated-silu", sparse: null } }],
    ["GELU", { model: { ...small, feedForward: "gelu" } }],
    ["decoder only", { model: { ...small, architecture: "decoder-only", decoderLayers: 4 }, data: { objective: "causal" } }],
    ["vision, sparse", { model: { ...small, architecture: "vision", feedForward: "gelu" }, data: digits }],
    ["vision, dense and gated, larger images in colour", { model: { ...small, architecture: "vision", patchSize: 5, feedForward: "gated-gelu", sparse: null }, data: digits }, { height: 33, width: 48, channels: 3, classes: 7 }],
  ])("%s", async (_, input, images) => {
    const engine = await Engine.create({ ...config(input), ...(images ? { images } : {}) });
    const { parameters } = consequences(RunSpec.parse(input), { vocabularySize: 384, ...(images ? { images } : {}) });
    expect(engine.parameterCount()).toBe(parameters.total);
    const byKind = (pattern: RegExp) => engine.parameters().filter(({ name }) => pattern.test(name)).reduce((sum, { elements }) => sum + elements, 0);
    expect(byKind(/experts/)).toBe(parameters.experts);
    expect(byKind(/router/)).toBe(parameters.router);
    expect(byKind(/norm/)).toBe(parameters.norm);
    engine.dispose();
  });
});

test("calls on one engine run in the order they were made", async () => {
  const engine = await Engine.create(config({ model: small }));
  const steps = await Promise.all(Array.from({ length: 10 }, (_, i) => engine.step(batch(4, i + 1))));
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(engine.stepsDone).toBe(10);
  expect(engine.device).toBe("cpu");
  engine.dispose();
});

test("the decoder reads what it is given, and the labels shifted right where nothing is", async () => {
  const engine = await Engine.create(config({ model: small }));
  const given = batch(), shifted = given.labels.map((_, i) => (i % 8 === 0 ? 0 : given.labels[i - 1]!));
  const expected = await engine.evaluate(given);
  expect(await engine.evaluate({ ...given, decoderInput: shifted })).toEqual(expected);
  expect((await engine.evaluate({ ...given, decoderInput: shifted.map((id, i) => (i % 8 === 3 ? 77 : id)) })).lossSum).not.toBe(expected.lossSum);
  // What is only read is routed, and does not count in the loss.
  const masked = await engine.evaluate({ ...given, decoderInput: shifted, labels: given.labels.map((id, i) => (i % 8 < 4 ? 0 : id)) });
  expect(masked.targetTokens).toBe(16);
  expect(masked.routing.at(-1)).toEqual(expected.routing.at(-1));
  engine.dispose();
});

test("the event loop stays free while a step is made", async () => {
  const engine = await Engine.create(config());
  let turns = 0, longest = 0, last = performance.now();
  const timer = setInterval(() => {
    turns++;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  await engine.step({ batchSize: 16, input: ids(16 * 128), inputLength: 128, labels: ids(16 * 48), labelLength: 48 });
  const took = performance.now() - start;
  clearInterval(timer);
  expect(turns).toBeGreaterThan(10);
  // Busy cores delay a timer, but never for the whole step.
  expect(longest).toBeLessThan(took * 0.8);
  engine.dispose();
});

test("saved and loaded, an engine goes on bit for bit", async () => {
  const [one, two] = [await Engine.create(config({ model: small })), await Engine.create(config({ model: small }))];
  for (let i = 1; i <= 3; i++) await one.step(batch(4, i));
  const { files } = await one.save(folder);
  expect(files.map(({ name }) => name)).toEqual(["model.safetensors", "optimizer.safetensors"]);
  for (const { sha256, bytes } of files) {
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes).toBeGreaterThan(1000);
  }
  await two.load(folder);
  expect(two.stepsDone).toBe(3);
  expect((await two.step(batch(4, 9))).loss).toBe((await one.step(batch(4, 9))).loss);
  one.dispose();
  two.dispose();
});

test("what does not fit rejects with a sentence, and the engine goes on", async () => {
  const engine = await Engine.create(config({ model: small }));
  const refused = async (call: () => Promise<unknown>) => {
    const error = await call().then(() => null, (reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(Error);
    expect(error!.message).toMatch(/^[A-Z"].*\.$/s);
    return error!.message;
  };
  expect(await refused(() => engine.step({} as Batch))).toContain('"batchSize" must be a whole number.');
  expect(await refused(() => engine.step({ ...batch(), labels: [1, 2] as unknown as Int32Array }))).toContain('"labels" must be an Int32Array.');
  expect(await refused(() => engine.step({ ...batch(), labelLength: 9 }))).toContain("were promised");
  expect(await refused(() => engine.evaluate({ ...batch(), labels: ids(32).fill(9999) }))).toContain("outside the vocabulary");
  expect(await refused(() => engine.load("/no/such/folder"))).toBe("There is no file /no/such/folder/model.safetensors.");
  expect(await refused(() => engine.save("/no/such/folder"))).toContain("/no/such/folder/model.safetensors");
  expect(await refused(() => engine.load(undefined as unknown as string))).toContain('"directory" must be text.');
  expect(await refused(() => Engine.create({} as EngineConfig))).toContain("must be");
  expect(await refused(() => Engine.create({ ...config(), device: "tpu" }))).toContain('"tpu"');
  expect(await refused(() => Engine.create(config({ device: "cuda:7" })))).toContain("cuda:7");
  expect((await engine.step(batch())).step).toBe(1);
  engine.dispose();
  engine.dispose();
  expect(await refused(() => engine.step(batch()))).toContain("disposed");
  expect(() => new (Engine as unknown as new () => unknown)()).toThrow("Engine.create");
});

test("memory that is not there is a sentence, not the end of the process", async () => {
  const huge = config({ model: { dModel: 16384, dFf: 65536, heads: 128, dKv: 128, encoderLayers: 2, decoderLayers: 2, sparse: { experts: 1024 } } });
  await expect(Engine.create(huge)).rejects.toThrow(/memory was not enough/);
});

test("a worker may be ended in the middle of anything", () => {
  const program = `
    import { Worker } from "node:worker_threads";
    const code = \`import(${JSON.stringify(join(import.meta.dirname, "load.ts"))}).then(async ({ Engine }) => {
      const engine = await Engine.create(${JSON.stringify(config())});
      const ids = (count) => Int32Array.from({ length: count }, (_, i) => 1 + (i * 7) % 300);
      for (;;) await engine.step({ batchSize: 4, input: ids(64), inputLength: 16, labels: ids(32), labelLength: 8 });
    })\`;
    for (const after of [150, 250, 350, 500, 900]) {
      const worker = new Worker(code, { eval: true });
      await new Promise((resolve) => setTimeout(resolve, after));
      await worker.terminate();
    }
    process.exit(0);`;
  const { status, signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
});

test("a process may end in the middle of a step", () => {
  const program = `
    const { Engine } = await import(${JSON.stringify(join(import.meta.dirname, "load.ts"))});
    const engine = await Engine.create(${JSON.stringify(config())});
    const ids = (count) => Int32Array.from({ length: count }, (_, i) => 1 + (i * 7) % 300);
    void engine.step({ batchSize: 16, input: ids(16 * 128), inputLength: 128, labels: ids(16 * 48), labelLength: 48 });
    void engine.step({ batchSize: 16, input: ids(16 * 128), inputLength: 128, labels: ids(16 * 48), labelLength: 48 });
    setTimeout(() => process.exit(3), 20);`;
  const { status, signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect({ status, signal, stderr }).toEqual({ status: 3, signal: null, stderr: "" });
});
