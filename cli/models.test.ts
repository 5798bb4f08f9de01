// model import, list, info, logits, export, delete: a model's way through the product, one process a command.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { ModelFile, ModelInspection } from "../contract/modelFile.ts";
import { PIECES, writeModelFolder } from "../scripts/fixtures/modelFolder.ts";
import { readTensors } from "../scripts/fixtures/safetensorsFile.ts";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import { MAIN as TRAINER, newRun, tinySpec } from "../trainer/fixtures/tinyRun.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const FIXTURE = fileURLToPath(new URL("../scripts/fixtures/transformers/switch-odd-sizes", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "switchyard-models-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));
const home = temporaryHome();
/** A dozen processes that each load the engine, on a machine that may be busy. */
const PATIENCE = 400_000;

const switchyard = (directory: string, ...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", directory, ...words], { encoding: "utf8" });
  return { code: status, out: stdout, error: stderr };
};
const json = (directory: string, ...words: string[]) => JSON.parse(switchyard(directory, ...words, "--json").out);

describe("a model of transformers", () => {
  const { input_ids, labels } = JSON.parse(readFileSync(join(FIXTURE, "case.json"), "utf8")) as { input_ids: number[][]; labels: number[][] };
  const expected = readTensors(join(FIXTURE, "expected.safetensors")).get("logits")!;
  const input = join(out, "input.json");
  // Without the padding at the right, which the command puts back.
  const stripped = (rows: number[][]) => rows.map((row) => row.slice(0, row.findLastIndex((id) => id !== 0) + 1));
  writeFileSync(input, JSON.stringify({ input_ids: stripped(input_ids), decoder_input_ids: labels.map((row) => [0, ...row.slice(0, -1)]) }));

  /** Largest difference from transformers, over the largest logit. */
  function errorOf(model: string): number {
    const file = join(out, "logits.json"), { code, error } = switchyard(home.directory, "model", "logits", "--model", model, "--input", input, "--output", file);
    expect([code, error]).toEqual([0, ""]);
    const { logits } = JSON.parse(readFileSync(file, "utf8")) as { logits: number[][][] };
    expect([logits.length, logits[0]!.length, logits[0]![0]!.length]).toEqual(expected.shape);
    const found = logits.flat(2);
    return Math.max(...found.map((value, i) => Math.abs(value - expected.values[i]!))) / Math.max(...expected.values.map(Math.abs));
  }

  test("is looked at, imported, listed, computed, exported and removed", () => {
    expect(ModelInspection.parse(json(home.directory, "model", "info", FIXTURE))).toMatchObject({ vocabularySize: 23, model: { dModel: 13, sparse: { experts: 3, fixedCapacity: 2 } } });
    expect(errorOf(FIXTURE)).toBeLessThan(1e-4);

    const { code, out: printed } = switchyard(home.directory, "model", "import", FIXTURE, "--name", "odd sizes");
    expect(code).toBe(0);
    const id = printed.trim(), [listed] = json(home.directory, "model", "list") as unknown[];
    expect(ModelFile.parse(listed)).toMatchObject({ id, name: "odd sizes", source: FIXTURE });
    expect(switchyard(home.directory, "model", "info", "odd sizes").out).toContain("4 encoder (sparse: 1 3), 2 decoder (sparse: 1)");
    expect(errorOf("odd sizes")).toBeLessThan(1e-4);

    const exported = join(out, "exported");
    expect(json(home.directory, "model", "export", id, exported, "--format", "huggingface")).toMatchObject({ directory: exported, notes: [] });
    const before = readTensors(join(FIXTURE, "model.safetensors")), after = readTensors(join(exported, "model.safetensors"));
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    for (const [name, { shape, values }] of before) expect([after.get(name)!.shape, after.get(name)!.values], name).toEqual([shape, values]);
    expect(errorOf(exported)).toBeLessThan(1e-4);

    expect(switchyard(home.directory, "model", "delete", id).code).toBe(0);
    expect(json(home.directory, "model", "list")).toEqual([]);
  }, PATIENCE);

  test.each<[string[], string, number]>([
    [["model", "import", "/nowhere"], "There is no folder /nowhere", 1], [["model", "info", "nobody"], "nobody", 1], [["model", "delete", "nobody"], 'No imported model is called "nobody"', 1],
    [["model", "export", "nobody", "/tmp/x"], "Give --format huggingface", 2], [["model", "export", "nobody", "/tmp/x", "--format", "onnx"], "must be huggingface", 2],
    [["model", "logits", "--input", "x"], "Give --output", 2], [["model", "logits", "--model", FIXTURE, "--input", join(out, "none.json"), "--output", "x"], "can't be read (there is no such file)", 1],
  ])("%j is refused in one sentence", (words, sentence, code) => {
    const refused = switchyard(home.directory, ...words);
    expect(refused.error.trim().split("\n")).toHaveLength(1);
    expect(refused).toMatchObject({ code, out: "", error: expect.stringContaining(sentence) });
  });

  test.each([
    ["{", "is not JSON"], ["[1]", "does not fit at its top: Must be an object."], ['{"decoder_input_ids": [[1]]}', "input_ids is missing"], ['{"input_ids": [[1], []], "decoder_input_ids": [[1], [1]]}', "input_ids.1: is empty"],
    ['{"input_ids": [[1], [2]], "decoder_input_ids": [[1]]}', "2 rows"], ['{"input_ids": [[23]], "decoder_input_ids": [[1]]}', "input_ids[0] holds token 23"], ['{"input_ids": [[1.5]], "decoder_input_ids": [[1]]}', "does not fit at input_ids.0.0"],
    ['{"input_ids": [[2, 3]], "decoder_input_ids": [[0]], "token_type_ids": [[0, 0]]}', 'has "token_type_ids", which is not known'],
    ['{"input_ids": [[2, 3]], "attention_mask": [[1]], "decoder_input_ids": [[0]]}', "attention_mask[0] has 1 places and input_ids[0] 2"],
    ['{"input_ids": [[2, 3]], "attention_mask": [[1, 2]], "decoder_input_ids": [[0]]}', "attention_mask.0.1: must be 0 or 1"],
    ['{"input_ids": [[2, 0]], "attention_mask": [[1, 1]], "decoder_input_ids": [[0]]}', "attention_mask[0][1] is 1 where input_ids has the padding token"],
    ['{"input_ids": [[2, 3]], "attention_mask": [[0, 1]], "decoder_input_ids": [[0]]}', "masks token 2 before others"],
    ['{"input_ids": [[2, 3]], "decoder_input_ids": [[0, 4]], "decoder_attention_mask": [[0, 1]]}', "the decoder attends to every token before"],
  ])("the input %s", (text, sentence) => {
    const file = join(out, "wrong.json");
    writeFileSync(file, text);
    expect(switchyard(home.directory, "model", "logits", "--model", FIXTURE, "--input", file, "--output", join(out, "unwritten.json"))).toMatchObject({ code: 1, error: expect.stringContaining(sentence) });
    expect(existsSync(join(out, "unwritten.json"))).toBe(false);
  });
});

test("a run is exported, at the step asked for, and computes the same", () => {
  const run = newRun(tinySpec({ training: { steps: 10 } })), directory = dirname(dirname(run));
  expect(spawnSync(process.execPath, [TRAINER, run], { encoding: "utf8" }).status).toBe(0);
  const input = join(out, "bytes.json"), logits = (model: string) => {
    const file = join(out, `${basename(model)}.json`);
    expect(switchyard(directory, "model", "logits", "--model", model, "--input", input, "--output", file).code).toBe(0);
    return readFileSync(file, "utf8");
  };
  writeFileSync(input, JSON.stringify({ input_ids: [[70, 71, 72, 1]], decoder_input_ids: [[0, 300]] }));
  for (const step of ["5", "10"]) {
    const target = join(out, `step-${step}`), exported = switchyard(directory, "model", "export", basename(run), target, "--format", "huggingface", "--step", step);
    expect(exported).toMatchObject({ code: 0, error: expect.stringContaining("transformers has a fixed number of places") });
  }
  expect(switchyard(directory, "model", "export", basename(run), join(out, "step-7"), "--format", "huggingface", "--step", "7")).toMatchObject({ code: 1, error: expect.stringContaining("no checkpoint of step 7") });
  // At these lengths nothing overflows, so that the capacity's two ways agree.
  expect(logits(join(out, "step-10"))).toBe(logits(basename(run)));
  expect(logits(join(out, "step-5"))).not.toBe(logits(join(out, "step-10")));
}, PATIENCE);

test.each(["switch-odd-sizes", "t5-relu"])("%s: what is masked changes nothing", (name) => {
  const model = join(FIXTURE, "..", name), input = join(out, "masked.json"), output = join(out, "masked-logits.json");
  const logits = (content: object): number[][][] => {
    writeFileSync(input, JSON.stringify({ decoder_input_ids: [[0, 5, 6], [0, 7, 8]], ...content }));
    expect(switchyard(home.directory, "model", "logits", "--model", model, "--input", input, "--output", output)).toMatchObject({ code: 0, error: "" });
    return (JSON.parse(readFileSync(output, "utf8")) as { logits: number[][][] }).logits;
  };
  const short = logits({ input_ids: [[3, 4, 5], [6, 7]] }), attention_mask = [[1, 1, 1, 0], [1, 1, 0, 0]];
  const long = [[3, 4, 5, 9], [6, 7, 9, 8]], decoder_attention_mask = [[1, 1, 0], [1, 1, 1]];
  const masked = logits({ input_ids: long, attention_mask, decoder_attention_mask });
  for (const [b, t, v] of short.flatMap((rows, b) => rows.flatMap((row, t) => row.map((_, v) => [b, t, v] as const)))) expect(masked[b]![t]![v]).toBeCloseTo(short[b]![t]![v]!, 5);
  expect(logits({ input_ids: long })[1]![1]).not.toEqual(short[1]![1]);
  // Without experts any place can be masked.
  if (name === "t5-relu") expect(logits({ input_ids: [[9, 4, 5, 3], [6, 8, 7, 2]], attention_mask: [[0, 1, 1, 1], [1, 0, 1, 1]] })).toEqual(logits({ input_ids: [[2, 4, 5, 3], [6, 3, 7, 2]], attention_mask: [[0, 1, 1, 1], [1, 0, 1, 1]] }));
}, PATIENCE);

describe("an imported model writes", () => {
  interface Answer { done: boolean; step: number | null; texts: { input: { id: number }[]; output: { id: number; logProbability: number }[]; score: number; ended: boolean }[] }
  const folder = writeModelFolder(join(out, "letters"));
  const generate = (...words: string[]) => json(home.directory, "generate", "letters", "--input", "a <extra_id_0> cat", "--max-tokens", "8", ...words) as Answer;

  test("greedily, what its logits say is most probable after all before; and beams of a score at least as high", () => {
    expect(switchyard(home.directory, "model", "import", folder).code).toBe(0);
    const { done, step, texts: [text] } = generate(), chosen = text!.output.map(({ id }) => id), read = text!.input.map(({ id }) => id);
    expect([done, step, chosen.length > 0]).toEqual([true, null, true]);
    expect(read).toEqual(["▁", "a", "▁", "<extra_id_0>", "▁", "c", "a", "t", "</s>"].map((piece) => PIECES.indexOf(piece)));
    const input = join(out, "letters.json"), output = join(out, "letters-logits.json");
    writeFileSync(input, JSON.stringify({ input_ids: [read], decoder_input_ids: [[0, ...chosen.slice(0, -1)]] }));
    expect(switchyard(home.directory, "model", "logits", "--model", folder, "--input", input, "--output", output).code).toBe(0);
    const { logits: [rows] } = JSON.parse(readFileSync(output, "utf8")) as { logits: number[][][] };
    for (const [t, row] of rows!.entries()) {
      expect(row.indexOf(Math.max(...row)), `token ${t}`).toBe(chosen[t]);
      const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
      expect(text!.output[t]!.logProbability).toBeCloseTo(row[chosen[t]!]! - logSum, 4);
    }
    // A beam of one is greedy; several find nothing worse.
    const same = generate("--method", "beam", "--beams", "1").texts[0]!, best = generate("--method", "beam", "--beams", "4").texts[0]!;
    expect(same.output.map(({ id }) => id)).toEqual(chosen);
    expect(best.score).toBeGreaterThanOrEqual(same.score - 1e-6);
  }, PATIENCE);

  test("but not without a tokenizer, and not at a step", () => {
    expect(switchyard(home.directory, "model", "import", FIXTURE, "--name", "wordless").code).toBe(0);
    for (const [words, sentence, code] of [[["wordless"], "imported without a tokenizer.json", 1], [["letters", "--step", "5"], "--step chooses nothing", 2]] as const)
      expect(switchyard(home.directory, "generate", ...words, "--input", "a")).toMatchObject({ code, out: "", error: expect.stringContaining(sentence) });
  }, PATIENCE);
});

test.each<[string, Parameters<typeof tinySpec>[0], string]>([
  ["hash routing", { model: { sparse: { experts: 4, routing: "hash", balancing: "none" } } }, "top-1 routing of tokens alone (model.sparse.routing)"],
  ["two choices a token", { model: { sparse: { experts: 4, routing: "top-k" } } }, "top-1 routing of tokens alone (model.sparse.routing)"],
  ["a bias of experts", { model: { sparse: { experts: 4, balancing: "bias" } } }, "no bias of experts (model.sparse.balancing)"],
  ["a decoder alone", { model: { architecture: "decoder-only" }, data: { objective: "causal" } }, "as encoder-decoders alone (model.architecture)"],
  ["vision", { model: { architecture: "vision" }, data: { objective: "classification", source: { kind: "images", name: "mnist" } } }, "is a vision model"],
])("a run with %s is not exported, and nothing is written", (_, changes, sentence) => {
  const run = newRun(tinySpec({ ...changes, training: { steps: 2, warmupSteps: 1, evaluateEvery: 2, evaluationBatches: 1 } })), directory = dirname(dirname(run));
  expect(spawnSync(process.execPath, [TRAINER, run], { encoding: "utf8" }).status).toBe(0);
  const target = join(out, `refused-${basename(run)}`), refused = switchyard(directory, "model", "export", basename(run), target, "--format", "huggingface");
  expect(refused).toMatchObject({ code: 1, out: "", error: expect.stringContaining(sentence) });
  expect(refused.error.trim().split("\n")).toHaveLength(1);
  expect(existsSync(target)).toBe(false);
}, PATIENCE);
