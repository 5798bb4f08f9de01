// The planner from the command line: what it prints, and what it refuses.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import { consequences } from "../contract/consequences.ts";
import { RunSpec } from "../contract/runSpec.ts";
import { DEVICES } from "../planner/devices.ts";
import { plans } from "../planner/plan.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url)), SAMPLE = fileURLToPath(new URL("../examples/sample.json", import.meta.url));
const home = temporaryHome();
const plan = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", home.directory, "plan", ...words], { encoding: "utf8" });
  return { code: status, out: stdout, error: stderr };
};
const json = (...words: string[]) => JSON.parse(plan(...words, "--json").out);
const specFile = (spec: object): string => {
  const file = join(home.directory, "spec.json");
  writeFileSync(file, JSON.stringify(spec));
  return file;
};

test("the best mesh of a spec is that of the planner, and text gives each number a unit", () => {
  const found = json(SAMPLE, "--devices", "8", "--device", "h100"), h100 = DEVICES.find(({ id }) => id === "h100")!;
  const spec = RunSpec.parse(found.spec), expected = plans(spec, {}, h100, 8);
  expect(found.plans).toEqual(JSON.parse(JSON.stringify(expected)));
  expect(found.chosen).toEqual(found.plans[0]);
  expect(found.parameters).toEqual(consequences(spec).parameters);
  const { out, code } = plan(SAMPLE, "--devices", "8", "--device", "H100");
  expect(code).toBe(0);
  for (const words of [/Best mesh \d×\d×\d .* (µs|ms|s) a step/, /Parameters .* M \(/, /FLOPs forward and backward/, /optimizer state +\S+ MiB/, /total .* fits/, /matrix products +\S+ (µs|ms|s)/, /sent by a device/]) expect(out).toMatch(words);
  expect(out.match(/^ {2}\d×\d×\d /gm)).toHaveLength(expected.length);
});

test("a mesh can be named, with what it leaves out taken as 1", () => {
  expect(json(SAMPLE, "--device", "a100-80", "--mesh", "expert=4,data=2").chosen.mesh).toEqual({ data: 2, expert: 4, model: 1 });
  expect(plan(SAMPLE, "--device", "a100-80", "--mesh", "expert=4").out).toContain("Mesh 1×4×1");
});

test("batch, efficiency, settings and vocabulary change the plan", () => {
  const time = (...words: string[]) => json(SAMPLE, "--device", "tpu-v3", ...words).chosen.time.compute;
  expect(time("--efficiency", "0.25") / time()).toBeCloseTo(2, 6);
  expect(time("--batch", "64") / time()).toBeCloseTo(64 / json(SAMPLE, "--device", "tpu-v3").spec.training.batchSize, 1);
  expect(json(SAMPLE, "--device", "tpu-v3", "--set", "model.sparse=null").parameters.experts).toBe(0);
  expect(json(SAMPLE, "--device", "tpu-v3", "--vocabulary", "32128").parameters.embedding).toBe(32128 * json(SAMPLE, "--device", "tpu-v3").spec.model.dModel);
});

test("an own device is taken by its figures", () => {
  const { device } = json("--device", "own", "--peak", "0.4", "--memory", "16", "--bandwidth", "20", "--link", "5");
  expect(device).toMatchObject({ peak: { bf16: 4e11, fp32: 4e11 }, memory: 16e9, memoryBandwidth: 20e9, link: 5e9 });
});

const engineIsBuilt = existsSync(fileURLToPath(new URL("../build/native/switchyard.node", import.meta.url)));
test.skipIf(!engineIsBuilt)("this CPU is measured and taken at its rates (needs the built engine)", () => {
  const { device, assumptions, chosen } = json(SAMPLE, "--device", "cpu");
  expect(assumptions).toMatchObject({ matrixEfficiency: 0.6, bandwidthEfficiency: 1 });
  expect(chosen.time.compute).toBeCloseTo(chosen.flops / device.peak.fp32 / 0.6, 9);
  expect(plan(SAMPLE, "--device", "cpu", "--devices", "2")).toMatchObject({ code: 2, error: expect.stringContaining("This CPU is one device") });
});

test("a model of the paper that no mesh holds is said not to fit", () => {
  const { out } = plan("--model", "switch-c", "--devices", "8", "--device", "rtx-4090");
  expect(out).toContain("No mesh fits; the one that needs least memory is");
  expect(out).toContain("does not fit: 20.1 GiB of 22.4 GiB are usable");
});

test("the paper's table has its seven models", () => {
  const { out } = plan("--paper");
  for (const name of ["T5-Base", "T5-Large", "T5-XXL", "Switch-Base", "Switch-Large", "Switch-XXL", "Switch-C"]) expect(out).toMatch(new RegExp(`^${name} `, "m"));
  expect(json("--paper")).toHaveLength(7);
});

test.each([
  [["--devices", "2"], "Give --device NAME: a100-40", 2], [["--device", "a100"], 'Did you mean "a100-40" or "a100-80"?', 2], [["--device", "h10"], 'Did you mean "h100"?', 2], [["--device", "abacus"], "Known are a100-40", 2],
  [["--device", "own"], "needs --peak", 2], [["--device", "h100", "--peak", "3"], "use it with --device own", 2], [["--device", "own", "--peak", "-1"], "above 0", 2], [["--device", "h100", "--efficiency", "2"], "at most 1", 2],
  [["--device", "h100", "--mesh", "exprt=2"], 'Did you mean "expert"?', 2], [["--device", "h100", "--mesh", "expert=0"], "whole number of at least 1", 2], [["--device", "h100", "--mesh", "expert=2", "--devices", "4"], "has 2 devices, not 4", 2],
  [["--device", "h100", "--mesh", "expert=3"], "8 experts can't be split evenly over 3 ranks", 1], [["--device", "h100", "--devices", "7"], "No mesh of 7 devices divides this model and a batch of 16", 1],
  [["--device", "h100", "--model", "switch-bse"], 'Did you mean "Switch-Base"?', 2], [["nowhere.json", "--device", "h100"], "nowhere.json can't be read", 1], [["a.json", "b.json"], "one argument too many", 2], [["--device", "h100", "--set", "model.heads=0"], "model.heads: Must be at least 1.", 1],
])("plan %j is refused in a sentence", (words, sentence, exit) => {
  const { code, out, error } = plan(...words);
  expect(error).toContain(sentence);
  expect([code, out, error.trim().split("\n").length]).toEqual([exit, "", 1]);
});

test("a vocabulary that a file holds is read, and need not be when it is given", () => {
  const spec = specFile({ data: { tokenizer: { kind: "huggingface", path: "missing.json" } } });
  expect(plan(spec, "--device", "h100")).toMatchObject({ code: 1, error: expect.stringContaining("missing.json") });
  expect(json(spec, "--device", "h100", "--vocabulary", "1000").parameters.embedding).toBe(256_000);
});
