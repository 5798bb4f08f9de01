// What a device holds, against a list of the model's matrices cut up one by one; what it computes, against the form's counts.
import { expect, test } from "vitest";
import { consequences, expertCapacity } from "../contract/consequences.ts";
import { RunSpec, type RunSpecInput } from "../contract/runSpec.ts";
import type { Mesh } from "./mesh.ts";
import { shareOf } from "./share.ts";

const spec = (model: RunSpecInput["model"], training: RunSpecInput["training"] = {}): RunSpec =>
  RunSpec.parse({ model: { dModel: 32, dFf: 48, heads: 4, dKv: 8, encoderLayers: 2, decoderLayers: 4, ...model }, data: { inputLength: 64, targetLength: 24 }, training: { batchSize: 16, ...training } });
const MESHES: Mesh[] = [{ data: 1, expert: 1, model: 1 }, { data: 4, expert: 1, model: 1 }, { data: 1, expert: 4, model: 1 }, { data: 1, expert: 1, model: 4 }, { data: 2, expert: 4, model: 2 }, { data: 8, expert: 2, model: 2 }];
const SPECS: [string, RunSpec][] = [
  ["sparse", spec({})], ["gated", spec({ feedForward: "gated-gelu" })], ["dense", spec({ sparse: null })], ["own head", spec({ tiedEmbeddings: false })], ["balanced by a bias", spec({ sparse: { balancing: "bias" } })],
];

/** Parameters on rank (data 0, expert e, model m), matrix by matrix: [rows, columns] and which axis cuts it. */
function heldBy({ model }: RunSpec, mesh: Mesh): number {
  const { dModel, dFf, heads, dKv, sparse } = model, inner = heads * dKv / mesh.model, columns = dFf / mesh.model;
  let held = 384 * dModel * (model.tiedEmbeddings ? 1 : 2);
  const feedForward = () => dModel * columns * (model.feedForward === "gated-gelu" ? 2 : 1) + columns * dModel;
  for (const [layers, attentions] of [[model.encoderLayers, 1], [model.decoderLayers, 2]] as const) {
    held += 32 * heads / mesh.model + dModel;
    for (let layer = 0; layer < layers; layer++) {
      for (let i = 0; i < attentions; i++) held += dModel + 3 * dModel * inner + inner * dModel;
      held += dModel;
      if (!sparse || layer % 2 === 0) held += feedForward();
      else {
        held += dModel * sparse.experts + (sparse.balancing === "bias" ? sparse.experts : 0);
        for (let expert = 0; expert < sparse.experts / mesh.expert; expert++) held += feedForward();
      }
    }
  }
  return held;
}

test.each(SPECS)("%s: each device holds its slices", (_, of) => {
  for (const mesh of MESHES) {
    if (!of.model.sparse && mesh.expert > 1) continue;
    const { parameters, memory } = shareOf(of, {}, mesh), held = heldBy(of, mesh);
    expect(parameters.shared + parameters.experts, JSON.stringify(mesh)).toBe(held);
    // Devices that hold the same weights keep the moments of a share of them each.
    const moments = 8 * (parameters.shared / (mesh.data * mesh.expert) + parameters.experts / mesh.data);
    expect(memory).toMatchObject({ parameters: 4 * held, gradients: 4 * held, optimizer: moments });
    const whole = { ...of, training: { ...of.training, optimizer: { ...of.training.optimizer, shareUpdates: false } } } as RunSpec;
    expect(shareOf(whole, {}, mesh).memory.optimizer).toBe(8 * held);
    expect(memory.total).toBe(memory.parameters + memory.gradients + memory.optimizer + memory.activations + memory.expertBuffers);
  }
});

const exact = spec({ sparse: { capacityGroup: "rank", capacityFactor: { training: 1 } } });
test("one device with no padding computes and keeps what the form says", () => {
  const one = shareOf(exact, {}, MESHES[0]!), form = consequences(exact);
  expect(one.flops).toBe(form.flopsPerSequence.training * 16);
  expect(one.memory.activations).toBe(form.memory.activations);
  // One sparse layer in the encoder, two in the decoder; as many places as tokens, each with an input and an output of d_model in bf16.
  expect(one.memory.expertBuffers).toBe((1 * 16 * 64 + 2 * 16 * 24) * 2 * 32 * 2);
});

test("devices together compute what one does, but for the routers and logits that the model axis repeats", () => {
  const whole = shareOf(exact, {}, MESHES[0]!), repeated = 3 * 16 * whole.stacks.reduce((sum, { counts: { flops } }) => sum + flops.router + flops.head, 0);
  for (const mesh of MESHES) {
    const ranks = mesh.data * mesh.expert * mesh.model, { flops } = shareOf(exact, {}, mesh);
    expect(ranks * flops, JSON.stringify(mesh)).toBeCloseTo(whole.flops + (mesh.model - 1) * repeated, 0);
  }
});

test.each<["batch" | "sequence" | "rank", number]>([
  ["batch", 8 * expertCapacity(16 * 64, 8, 1.1)], ["rank", 8 * expertCapacity(4 * 64, 8, 1.1)], ["sequence", 8 * 4 * expertCapacity(64, 8, 1.1)],
])("places of a device's rows, counted by %s", (capacityGroup, places) => {
  const of = spec({ sparse: { capacityGroup, capacityFactor: { training: 1.1 } } });
  expect(shareOf(of, {}, { data: 2, expert: 2, model: 1 }).stacks[0]!.places).toBe(places);
});

test("places of the whole batch: no more than a device has tokens", () => {
  const of = spec({ sparse: { capacityGroup: "batch", capacityFactor: { training: 4 } } });
  expect(shareOf(of, {}, { data: 4, expert: 4, model: 1 }).stacks[0]!.places).toBe(8 * 64);
});

test("a CPU multiplies the places that are taken alone", () => {
  const padded = spec({ sparse: { capacityFactor: { training: 2 } } }), one = MESHES[0]!;
  expect(shareOf(padded, {}, one, false).flops).toBe(shareOf(exact, {}, one).flops);
  expect(shareOf(padded, {}, one).flops).toBeGreaterThan(shareOf(exact, {}, one).flops);
  expect(shareOf(padded, {}, one, false).memory).toEqual(shareOf(padded, {}, one).memory);
});

test("the model axis leaves the width of the stream on every device, and cuts what is inside of layers", () => {
  const dense = spec({ sparse: null, precision: "fp32" }), of = (model: number) => shareOf(dense, {}, { data: 1, expert: 1, model }).memory.activations;
  const tokens = 16 * (2 * 64 + 4 * 24), stream = tokens * 8 * 32 * 4 + 16 * 24 * 384 * 8;
  expect((of(1) - stream) / (of(4) - stream)).toBeCloseTo(4, 9);
});
