// Weights that a spec names, before anything is started: what is missing or does not fit is told at its field.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { RunSpec, type RunSpecInput } from "../../contract/runSpec.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import type { Home } from "../home.ts";
import { checkSpec } from "./specCheck.ts";
import { withSteps } from "./specWeights.ts";

const ID = "0199aaaa-0000-7000-8000-000000000001", EMPTY = "0199aaaa-0000-7000-8000-000000000002", UNKNOWN = "0199aaaa-0000-7000-8000-000000000009";
const base: RunSpecInput = { name: "base", model: { dModel: 64, sparse: { experts: 4 } } };
let home: Home;

function makeRun(id: string, steps: readonly number[]): void {
  for (const step of steps) {
    const folder = join(home.runs, id, FILES.checkpoints, `step-${step}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, FILES.manifest), JSON.stringify({ v: 1, step, attempt: 1, t: 0, engine: "", tokens: 0, seconds: 0, position: {}, evaluationLoss: null, files: [] }));
  }
  mkdirSync(join(home.runs, id), { recursive: true });
  writeFileSync(join(home.runs, id, FILES.spec), JSON.stringify(RunSpec.parse(base)));
}
const run = (id: string, step: number | null = null) => ({ kind: "run" as const, id, step });
const issues = (spec: RunSpecInput) => checkSpec({ ...base, ...spec }, home).issues;

beforeAll(() => {
  home = temporaryHome();
  makeRun(ID, [5, 20]);
  makeRun(EMPTY, []);
});

test("weights that are there and fit are no mistake", () => {
  expect(issues({ start: run(ID) })).toEqual([]);
  expect(issues({ start: run(ID, 5), model: { dModel: 64, sparse: null } })).toEqual([]);
  expect(issues({ distillation: { teacher: run(ID) }, model: { dModel: 64, sparse: null } })).toEqual([]);
});

test.each<[string, RunSpecInput, string, string]>([
  ["no such run", { start: run(UNKNOWN) }, "start", "is not there"], ["no checkpoint", { start: run(EMPTY) }, "start", "no checkpoint yet"],
  ["no such step", { start: run(ID, 7) }, "start", "no checkpoint of step 7; there are 20, 5"], ["no such model", { start: { kind: "model", id: UNKNOWN } }, "start", "is not there"],
  ["other sizes", { start: run(ID), model: { dModel: 32 } }, "start", "model width (64, here 32)"], ["no such teacher", { distillation: { teacher: run(UNKNOWN) } }, "distillation.teacher", "is not there"],
  ["a teacher of other sizes to begin with", { distillation: { teacher: run(ID) }, model: { dModel: 32, sparse: null } }, "distillation.initialize", "model width"],
  ["two beginnings", { start: run(ID), distillation: { teacher: run(ID) } }, "distillation.initialize", "already named by start"],
])("%s is told at its field", (_, spec, path, words) => {
  const found = issues(spec);
  expect(found.map((issue) => issue.path)).toEqual([path]);
  expect(found[0]!.message).toContain(words);
});

test("what starts says for good which checkpoint it means", () => {
  const spec = withSteps(RunSpec.parse({ ...base, start: run(ID) }), home);
  expect(spec.start).toEqual(run(ID, 20));
  expect(withSteps(RunSpec.parse({ ...base, start: run(ID, 5) }), home).start).toEqual(run(ID, 5));
  expect(withSteps(RunSpec.parse({ ...base, distillation: { teacher: run(ID) } }), home).distillation!.teacher).toEqual(run(ID, 20));
  expect(withSteps(RunSpec.parse(base), home)).toEqual(RunSpec.parse(base));
});

test("a stray file where a run should be is no run", () => {
  const stray = "0199aaaa-0000-7000-8000-000000000003";
  writeFileSync(join(home.runs, stray), "");
  expect(issues({ start: run(stray) })[0]!.message).toContain("is not there");
  rmSync(join(home.runs, stray));
});
