// Runs made from runs by the command line, through the real trainer: fine-tuned, distilled, upcycled, and reported on.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import type { Home } from "../backend/home.ts";
import { gainKept } from "../contract/distillation.ts";
import { RunSpec } from "../contract/runSpec.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const engineIsBuilt = existsSync(fileURLToPath(new URL("../build/native/switchyard.node", import.meta.url)));
const LONG = 180_000;
let home: Home, sparse: string, dense: string, pairs: string, specFile: string;

const switchyard = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", home.directory, ...words], { encoding: "utf8", env: { ...process.env, SWITCHYARD_CACHE: join(home.directory, "cache") } });
  return { code: status, out: stdout, error: stderr };
};
const json = (...words: string[]) => {
  const { code, out, error } = switchyard(...words, "--json");
  expect({ code, out: code === 0 ? "" : out + error }).toEqual({ code: 0, out: "" });
  return JSON.parse(out);
};
const specOf = (id: string): RunSpec => RunSpec.parse(JSON.parse(readFileSync(join(home.runs, id, "spec.json"), "utf8")));
const whole = (...words: string[]): string => {
  const { runId, status } = json(...words, "--wait");
  expect(status).toBe("completed");
  return runId;
};

describe.skipIf(!engineIsBuilt)("runs made from runs (needs the built engine)", () => {
  beforeAll(() => {
    home = temporaryHome();
    writeFileSync(join(home.directory, "text.txt"), Array.from({ length: 9000 }, (_, i) => `line ${i} of ${(i * 7919) % 1000}\n\n`).join(""));
    pairs = join(home.directory, "pairs.jsonl");
    writeFileSync(pairs, Array.from({ length: 40 }, (_, i) => `${JSON.stringify({ input: `${i}`, target: `${i % 3}` })}\n`).join(""));
    specFile = join(home.directory, "spec.json");
    writeFileSync(specFile, JSON.stringify({
      name: "tiny", device: "cpu", model: { dModel: 16, dFf: 32, heads: 2, dKv: 8, encoderLayers: 2, decoderLayers: 2, precision: "fp32", sparse: { experts: 2 } },
      data: { source: { kind: "files", paths: ["text.txt"] }, inputLength: 32, targetLength: 16 },
      training: { batchSize: 4, steps: 6, warmupSteps: 2, evaluateEvery: 3, evaluationBatches: 2, threads: 1 },
    }));
    sparse = whole("train", specFile);
    dense = whole("train", specFile, "--set", "model.sparse=null", "--name", "dense");
  }, LONG);

  test("finetune begins with the weights and trains on the pairs", () => {
    const run = whole("finetune", sparse.slice(0, 23), "--data", pairs, "--set", "training.steps=4");
    expect(specOf(run)).toMatchObject({ name: "tiny, fine-tuned", start: { kind: "run", id: sparse, step: 6 }, training: { steps: 4, schedule: "constant" }, data: { source: { kind: "jsonl", paths: [pairs], heldOut: null } }, model: { sparse: { expertDropout: 0.4 } } });
    expect(json("runs", "metrics", run)["evaluation.exactMatch"].last).toBeGreaterThanOrEqual(0);
    expect(switchyard("finetune", sparse)).toMatchObject({ code: 2, error: expect.stringContaining("Give --data") });
  }, LONG);

  test("distill trains a dense student, and its report says what was kept", () => {
    const student = whole("distill", sparse, "--name", "student");
    expect(specOf(student)).toMatchObject({ name: "student", model: { sparse: null }, distillation: { teacher: { kind: "run", id: sparse, step: 6 } } });
    const report = json("distill", "report", student, "--dense", dense), loss = (id: string) => json("runs", "metrics", id)["evaluation.loss"].last;
    expect(report).toMatchObject({ student: { runId: student, loss: loss(student), step: 6 }, dense: { runId: dense, loss: loss(dense), step: 6 }, teacher: { loss: loss(sparse) }, differences: [] });
    expect(report.gainKept).toBe(gainKept({ student: loss(student), teacher: loss(sparse), dense: loss(dense) }));
    const text = switchyard("distill", "report", student, "--dense", dense).out;
    for (const word of ["teacher", "student", "dense", "gain"]) expect(text).toContain(word);
    expect(switchyard("distill", "report", dense, "--dense", sparse)).toMatchObject({ code: 1, error: '"dense" was not distilled: its spec names no teacher.\n' });
    expect(switchyard("distill", "report", student)).toMatchObject({ code: 2, error: expect.stringContaining("Give --dense RUN") });
  }, LONG);

  test("upcycle makes a dense run sparse, and refuses a sparse one", () => {
    const run = whole("upcycle", dense, "--experts", "2", "--set", "training.steps=2");
    expect(specOf(run)).toMatchObject({ name: "dense, upcycled to 2 experts", model: { sparse: { experts: 2 } }, start: { id: dense } });
    expect(switchyard("upcycle", sparse, "--experts", "2")).toMatchObject({ code: 1, error: expect.stringContaining("already has 2 experts") });
    expect(switchyard("upcycle", dense)).toMatchObject({ code: 2, error: expect.stringContaining("Give --experts N") });
  }, LONG);

  test("train takes weights and a teacher by the beginning of their ids", () => {
    const started = whole("train", specFile, "--start", dense.slice(0, 23), "--set", "training.steps=2");
    expect(specOf(started)).toMatchObject({ start: { kind: "run", id: dense, step: 6 }, model: { sparse: { experts: 2 } } });
    const taught = whole("train", specFile, "--teacher", sparse, "--set", "distillation.hardShare=0.5", "--set", "training.steps=2");
    expect(specOf(taught).distillation).toMatchObject({ hardShare: 0.5, teacher: { id: sparse, step: 6 } });
    expect(switchyard("train", specFile, "--start", "ffff")).toMatchObject({ code: 1, error: `No run or model's id begins with "ffff"; "switchyard runs list" and "switchyard model list" show all.\n` });
    expect(switchyard("train", specFile, "--start", sparse, "--set", "model.dModel=32")).toMatchObject({ code: 1, error: expect.stringContaining("start: \"tiny\" has another model width (16, here 32)") });
  }, LONG);

  test("--print shows the spec and starts nothing", () => {
    const before = json("runs", "list").length, printed = JSON.parse(switchyard("distill", sparse, "--print", "--set", "distillation.temperature=2").out);
    expect(RunSpec.parse(printed).distillation).toMatchObject({ temperature: 2, teacher: { id: sparse, step: null } });
    expect(json("runs", "list")).toHaveLength(before);
  }, LONG);
});
