// A model goes out as it came in, bit by bit; what transformers does not have is refused or told.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { ModelSpec } from "../../contract/runSpec.ts";
import { readTensors, type Tensor } from "../../scripts/fixtures/safetensorsFile.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { exportModel } from "./exportModel.ts";
import { configText, fromHuggingFace, sparseBlocks, toHuggingFace, type ExportFacts } from "./huggingFaceConfig.ts";
import { importModel } from "./importModel.ts";
import { deleteModel, findModel, listModels } from "./store.ts";
import { openModel } from "./weights.ts";

const FIXTURES = fileURLToPath(new URL("../../scripts/fixtures/transformers/", import.meta.url));
const home = temporaryHome(), out = mkdtempSync(join(tmpdir(), "switchyard-export-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** All weights of a folder, in one file or in several by its index. */
function weightsOf(directory: string): Map<string, Tensor> {
  const files = readdirSync(directory).filter((name) => /^model.*\.safetensors$/.test(name));
  return new Map(files.flatMap((name) => [...readTensors(join(directory, name))]));
}

describe.each(readdirSync(FIXTURES))("%s", (name) => {
  test("comes back bit by bit, in one file and in many", async () => {
    const id = await importModel(home, join(FIXTURES, name), name), opened = await openModel(home, { kind: "model", id });
    const before = weightsOf(join(FIXTURES, name));
    // No stack of an untied SwitchTransformers reads it.
    if (before.has("encoder.embed_tokens.weight")) before.delete("shared.weight");
    for (const most of [1e9, 5000]) {
      const directory = join(out, `${name}-${most}`), { files } = await exportModel(opened, directory, most);
      const after = weightsOf(directory);
      for (const [weight, { shape, values }] of before) {
        expect(after.get(weight)?.shape, weight).toEqual(shape);
        expect(Buffer.compare(Buffer.from(after.get(weight)!.values.buffer), Buffer.from(values.buffer)), weight).toBe(0);
      }
      if (most === 5000) {
        const index = JSON.parse(readFileSync(join(directory, "model.safetensors.index.json"), "utf8")) as { metadata: { total_size: number }; weight_map: Record<string, string> };
        expect(Object.keys(index.weight_map).toSorted()).toEqual([...after.keys()].toSorted());
        expect(index.metadata.total_size).toBe([...after.values()].reduce((sum, { values }) => sum + values.byteLength, 0));
        for (const { name, bytes } of files) if (name.endsWith(".safetensors") && readTensors(join(directory, name)).size > 1) expect(bytes).toBeLessThan(5000 + 20_000);
      }
      const again = await importModel(home, directory, "again");
      expect(findModel(home, again).file.model).toEqual(findModel(home, id).file.model);
      expect(findModel(home, again).file.files[0]!.sha256).toBe(findModel(home, id).file.files[0]!.sha256);
      deleteModel(home, again);
    }
    await expect(exportModel(opened, join(out, `${name}-5000`))).rejects.toThrow("is not empty");
    expect(listModels(home).map(({ file }) => file.id)).toContain(id);
    deleteModel(home, id);
    expect(listModels(home).map(({ file }) => file.id)).not.toContain(id);
    expect(readdirSync(home.models)).toEqual([]);
  });
});

describe("half precision", () => {
  /** The same weights in 16 bits, written by hand: bfloat16 keeps the upper half of a float, and these halves are exact. */
  test.each([["BF16", 0x3fc0, 1.5], ["F16", 0x3e00, 1.5]])("%s is read into fp32", async (dtype, bits, value) => {
    const folder = mkdtempSync(join(tmpdir(), "switchyard-half-")), tensors = readTensors(join(FIXTURES, "t5-relu", "model.safetensors"));
    const header: Record<string, unknown> = {};
    let offset = 0;
    for (const [name, { shape, values }] of tensors) header[name] = { dtype, shape, data_offsets: [offset, offset += 2 * values.length] };
    const text = Buffer.from(JSON.stringify(header)), length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(join(folder, "model.safetensors"), Buffer.concat([length, text, Buffer.from(new Uint16Array(offset / 2).fill(bits).buffer)]));
    writeFileSync(join(folder, "config.json"), readFileSync(join(FIXTURES, "t5-relu", "config.json")));
    const id = await importModel(home, folder);
    for (const { values } of readTensors(join(home.models, id, "model.safetensors")).values()) expect(values.every((found) => found === value)).toBe(true);
    deleteModel(home, id);
    rmSync(folder, { recursive: true });
  });
});

describe("config.json of a run's model", () => {
  const facts = (model: object, lengths = { encoder: 100, decoder: 20 }): ExportFacts =>
    ({ model: ModelSpec.parse(model), vocabularySize: 384, padToken: 0, startToken: 0, endToken: 1, lengths });

  test("the default model: a factor becomes places a sequence, and that is said", () => {
    const { family, config, notes } = toHuggingFace(facts({}));
    expect(family).toBe("switch-transformers");
    expect(config).toMatchObject({ num_experts: 8, expert_capacity: 25, num_sparse_encoder_layers: 2, num_sparse_decoder_layers: 2, tie_word_embeddings: true });
    expect(notes).toEqual([expect.stringContaining("25 a sequence, factor 2 at 100 tokens")]);
  });

  test("dropless has places for all, dense is T5, zeros are written as numbers with a point", () => {
    expect(toHuggingFace(facts({ sparse: { overflow: "dropless" } }))).toMatchObject({ notes: [], config: { expert_capacity: 1_000_000 } });
    expect(toHuggingFace(facts({ sparse: null, feedForward: "gelu", tiedEmbeddings: false }))).toMatchObject({ family: "t5", config: { feed_forward_proj: "gelu_new", tie_word_embeddings: false } });
    expect(configText(toHuggingFace(facts({ sparse: { zLoss: 0 } })).config)).toContain('"router_z_loss_coef": 0.0,');
  });

  test.each<[object, string]>([
    [{ architecture: "decoder-only" }, "model.architecture"], [{ architecture: "vision" }, "model.architecture"], [{ sparse: { balancing: "bias" } }, "model.sparse.balancing"],
    [{ sparse: { routing: "top-k" } }, "model.sparse.routing"], [{ sparse: { routing: "top-k", choices: 1 } }, "model.sparse.routing"],
    [{ sparse: { routing: "expert-choice" } }, "model.sparse.routing"], [{ sparse: { routing: "hash", balancing: "none" } }, "model.sparse.routing"], [{ feedForward: "gated-silu" }, "model.feedForward"],
    [{ feedForward: "gated-gelu" }, "model.feedForward"], [{ sparse: { every: 3 }, encoderLayers: 6, decoderLayers: 6 }, "model.sparse.every"],
    [{ sparse: { layers: { encoder: [0], decoder: [] } } }, "model.sparse.layers"], [{ rescaledHead: false }, "model.rescaledHead"],
    [{ sparse: null, tiedEmbeddings: false, sharedEmbeddings: false }, "model.sharedEmbeddings"],
  ])("%j is refused in one sentence, by its field", (model, field) => expect(() => toHuggingFace(facts(model))).toThrow(new RegExp(`^The model can't be exported: [^.]+ \\(${field.replaceAll(".", "\\.")}\\)\\.$`)));

  test("what only changes what transformers computes is told", () => {
    const notes = (sparse: object) => toHuggingFace(facts({ sparse: { fixedCapacity: 9, capacityGroup: "sequence", ...sparse } })).notes;
    expect(notes({})).toEqual([]);
    expect(notes({ overflow: "next-choice" })).toEqual([expect.stringContaining("drops tokens that overflow")]);
    expect(notes({ priority: "probability" })).toEqual([expect.stringContaining("serves earlier tokens first")]);
    expect(notes({ capacityGroup: "batch" })).toEqual([expect.stringContaining("for each sequence")]);
  });

  test.each([[12, 6, [1, 3, 5, 7, 9, 11]], [6, 2, [1, 4]], [4, 4, [0, 1, 2, 3]], [4, 5, []], [4, 0, [1]], [1, 1, [0]], [5, 3, [0, 1, 2, 3, 4]]])("%i layers with %i sparse", (layers, sparse, blocks) =>
    expect(sparseBlocks(layers, sparse)).toEqual(blocks));

  test("a T5 ties its head unless it is neither rescaled nor without one of its own", () => {
    const t5 = (config: object, own: boolean) => fromHuggingFace({ model_type: "t5", ...config }, (name) => own && name === "lm_head.weight").model;
    expect(t5({}, false)).toMatchObject({ tiedEmbeddings: true, rescaledHead: true });
    expect(t5({ tie_word_embeddings: false }, true)).toMatchObject({ tiedEmbeddings: false });
    expect(t5({ tie_word_embeddings: false }, false)).toMatchObject({ tiedEmbeddings: true, rescaledHead: false });
    expect(t5({ tie_word_embeddings: true, scale_decoder_outputs: false }, false)).toMatchObject({ tiedEmbeddings: true, rescaledHead: false });
  });
});
