// What is wrong with a folder of a model is said in one sentence, and nothing of it stays in the home.
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTensors, writeTensors, type Tensor } from "../../scripts/fixtures/safetensorsFile.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { importModel } from "./importModel.ts";

const FIXTURES = fileURLToPath(new URL("../../scripts/fixtures/transformers/", import.meta.url));
const home = temporaryHome();
let folder = "";
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "switchyard-folder-"));
  cpSync(join(FIXTURES, "switch-router-losses"), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The sentence that the folder is refused with. */
async function refusal(): Promise<string> {
  const error = await importModel(home, folder).then(() => new Error("it was imported"), (error: Error) => error);
  expect(readdirSync(home.models), "nothing is left behind").toEqual([]);
  expect(error.message).not.toContain("\n");
  return error.message;
}
const configure = (changes: Record<string, unknown>) => writeFileSync(at("config.json"), JSON.stringify({ ...JSON.parse(readFileSync(at("config.json"), "utf8")), ...changes }));
const change = (work: (tensors: Map<string, Tensor>) => void) => {
  const tensors = readTensors(at("model.safetensors"));
  work(tensors);
  writeTensors(at("model.safetensors"), tensors);
};
/** A file of this header and this many bytes. */
function file(header: unknown, bytes: number, claimed?: number): void {
  const text = Buffer.from(JSON.stringify(header)), length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed ?? text.length));
  writeFileSync(at("model.safetensors"), Buffer.concat([length, text, Buffer.alloc(bytes)]));
}
const WI = "encoder.block.1.layer.1.mlp.experts.expert_2.wi.weight";

describe("config.json", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ router_bias: true }, '"router_bias" of config.json must be false'],
    [{ router_ignore_padding_tokens: true }, '"router_ignore_padding_tokens" of config.json must be false'],
    [{ router_dtype: "bfloat16" }, '"router_dtype"'],
    [{ dense_act_fn: "gelu" }, '"dense_act_fn" of config.json must be "relu" or "gelu_new"'],
    [{ model_type: "bart" }, 'model_type "bart"'],
    [{ model_type: 7 }, '"model_type"'],
    [{ is_encoder_decoder: false }, '"is_encoder_decoder"'],
    [{ expert_capacity: 2.5 }, '"expert_capacity"'],
    [{ d_model: 10_000_000 }, '"d_model"'],
    [{ num_layers: 1e9 }, '"num_layers"'],
    [{ pad_token_id: null }, '"pad_token_id" of config.json is null'],
    [{ eos_token_id: 21 }, '"eos_token_id" of config.json is 21, outside the vocabulary of 21'],
    [{ num_experts: 5 }, "router.classifier.weight"],
    [{ d_ff: 11 }, "has shape [10, 12] where config.json asks for [11, 12]"],
    [{ vocab_size: 22 }, "shared.weight"],
    [{ num_sparse_encoder_layers: 2 }, "encoder.block.0.layer.1.mlp.router.classifier.weight"],
  ])("%j is refused by its field", async (changes, sentence) => {
    configure(changes);
    expect(await refusal()).toContain(sentence);
  });

  test("one that is missing, torn or enormous", async () => {
    writeFileSync(at("config.json"), '{"model_type": ');
    expect(await refusal()).toMatch(/config\.json is not JSON/);
    writeFileSync(at("config.json"), `{"model_type": "${"x".repeat(2 << 20)}"}`);
    expect(await refusal()).toMatch(/more than such a file can have/);
    rmSync(at("config.json"));
    expect(await refusal()).toMatch(/has no config\.json/);
  });
});

describe("weights", () => {
  test.each<[string, (tensors: Map<string, Tensor>) => void, string]>([
    ["missing", (tensors) => tensors.delete(WI), `has no weight ${WI}`],
    ["superfluous", (tensors) => tensors.set("encoder.block.9.layer.0.layer_norm.weight", tensors.get("encoder.final_layer_norm.weight")!), "encoder.block.9.layer.0.layer_norm.weight"],
    ["NaN", (tensors) => void (tensors.get(WI)!.values[3] = NaN), `The weight ${WI}`],
    ["infinite", (tensors) => void (tensors.get("shared.weight")!.values[0] = -Infinity), "holds NaN, infinity"],
    ["of another shape", (tensors) => void (tensors.get(WI)!.shape = [12, 10]), "has shape [12, 10] where config.json asks for [10, 12]"],
    ["tied, and different", (tensors) => tensors.set("lm_head.weight", { shape: [21, 12], values: new Float32Array(21 * 12) }), "differs from shared.weight"],
  ])("a weight that is %s is named", async (_, work, sentence) => {
    change(work);
    expect(await refusal()).toContain(sentence);
  });

  test.each<[string, unknown, number, number | undefined, string]>([
    ["overlaps", { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] }, b: { dtype: "F32", shape: [2], data_offsets: [4, 12] } }, 12, undefined, "overlaps"],
    ["lies outside", { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, 4, undefined, "lies outside the file"],
    ["has wrong offsets", { a: { dtype: "F32", shape: [3], data_offsets: [0, 8] } }, 8, undefined, "has a shape of 12 bytes and data of 8"],
    ["wraps around", { a: { dtype: "F32", shape: [4294967296, 4294967296], data_offsets: [0, 0] } }, 0, undefined, "larger than memory"],
    ["has an enormous header", {}, 0, 99_999_999, "its header claims"],
    ["is of a type that is not read", { a: { dtype: "I8", shape: [2], data_offsets: [0, 2] } }, 2, undefined, "of the type"],
  ])("a file that %s", async (_, header, bytes, claimed, sentence) => {
    file(header, bytes, claimed);
    expect(await refusal()).toContain(sentence);
  });

  test("whole numbers are quantised weights", async () => {
    const tensors = readTensors(at("model.safetensors")), header: Record<string, unknown> = {};
    let offset = 0;
    for (const [name, { shape, values }] of tensors) header[name] = { dtype: "I64", shape, data_offsets: [offset, offset += 8 * values.length] };
    file(header, offset);
    expect(await refusal()).toContain("holds whole numbers");
  });

  test.each([["pytorch_model.bin"], ["model.pt"], ["pytorch_model-00001-of-00002.bin"], ["flax_model.msgpack"]])("%s is refused with the way to convert it", async (name) => {
    rmSync(at("model.safetensors"));
    writeFileSync(at(name), "not read");
    expect(await refusal()).toMatch(new RegExp(`${name} is not safetensors, .*save_pretrained\\(.*safe_serialization=True`));
  });

  test("none at all, and a folder that is none", async () => {
    rmSync(at("model.safetensors"));
    expect(await refusal()).toContain("has no model.safetensors");
    await expect(importModel(home, at("config.json"))).rejects.toThrow("is a file");
    await expect(importModel(home, at("nowhere"))).rejects.toThrow("There is no folder");
  });
});

describe("links and indices", () => {
  const index = (map: Record<string, string>) => writeFileSync(at("model.safetensors.index.json"), JSON.stringify({ metadata: { total_size: 0.5 }, weight_map: map }));
  const names = () => [...readTensors(at("model.safetensors")).keys()];

  test("a link out of the folder is refused, one of the hub's cache is followed", async () => {
    const outside = mkdtempSync(join(tmpdir(), "switchyard-outside-"));
    try {
      copyFileSync(at("model.safetensors"), join(outside, "w"));
      rmSync(at("model.safetensors"));
      symlinkSync(join(outside, "w"), at("model.safetensors"));
      expect(await refusal()).toContain("leads out of its folder");
      rmSync(at("model.safetensors"));
      symlinkSync("/dev/zero", at("model.safetensors"));
      expect(await refusal()).toContain("leads out of its folder");

      const snapshot = join(outside, "models--a--b", "snapshots", "abc"), blobs = join(outside, "models--a--b", "blobs");
      cpSync(folder, snapshot, { recursive: true, filter: (path) => !path.endsWith("model.safetensors") });
      cpSync(join(outside, "w"), join(blobs, "0f"));
      symlinkSync("../../blobs/0f", join(snapshot, "model.safetensors"));
      const id = await importModel(home, snapshot);
      rmSync(join(home.models, id), { recursive: true });
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  });

  test.each([["../model.safetensors"], ["/etc/passwd"], ["a/b.safetensors"], [".hidden.safetensors"], ["weights.bin"]])("an index that names %s", async (name) => {
    index(Object.fromEntries(names().map((weight) => [weight, name])));
    rmSync(at("model.safetensors"));
    expect(await refusal()).toContain("which is not a safetensors file of its own folder");
  });

  test("an index that promises what is not there, or another file", async () => {
    const all = names();
    cpSync(at("model.safetensors"), at("one.safetensors"));
    rmSync(at("model.safetensors"));
    index(Object.fromEntries([...all, "ghost.weight"].map((weight) => [weight, "one.safetensors"])));
    expect(await refusal()).toContain("holds the weight ghost.weight, but it does not");
    index(Object.fromEntries(all.slice(1).map((weight) => [weight, "one.safetensors"])));
    expect(await refusal()).toContain(`The weight ${all[0]} is in one.safetensors, where`);
    index(Object.fromEntries(all.map((weight) => [weight, "two.safetensors"])));
    expect(await refusal()).toContain("two.safetensors that model.safetensors.index.json names is missing");
    index(Object.fromEntries(all.map((weight, i) => [weight, i % 2 ? "one.safetensors" : "copy.safetensors"])));
    cpSync(at("one.safetensors"), at("copy.safetensors"));
    expect(await refusal()).toMatch(/save the model again/);
  });
});
