// Bytes of each collective, against rings and exchanges played through chunk by chunk.
import { expect, test } from "vitest";
import { RunSpec } from "../contract/runSpec.ts";
import { collectivesOf, secondsOf, type CollectiveId } from "./collectives.ts";
import { DEVICES, ownDevice } from "./devices.ts";
import type { Mesh } from "./mesh.ts";
import { shareOf } from "./share.ts";

/** A ring: n − 1 rounds of passing one of n chunks to sum them, n − 1 more to spread the sums. */
function ringSends(ranks: number, bytes: number): number {
  let sent = 0;
  for (let round = 0; round < 2 * (ranks - 1); round++) sent += bytes / ranks;
  return sent;
}
/** Half of that: sums that stay with a rank each, or parts that go to all. */
const halfRingSends = (ranks: number, bytes: number): number => ringSends(ranks, bytes) / 2;
/** Each rank sends every other one its part. */
function exchangeSends(ranks: number, bytes: number): number {
  let sent = 0;
  for (let other = 1; other < ranks; other++) sent += bytes / ranks;
  return sent;
}

const spec = RunSpec.parse({
  model: { dModel: 32, dFf: 64, heads: 4, dKv: 8, encoderLayers: 2, decoderLayers: 2, sparse: { experts: 8, capacityGroup: "rank", capacityFactor: { training: 1 } } },
  data: { inputLength: 64, targetLength: 32 }, training: { batchSize: 16 },
});
const sent = (mesh: Mesh): Partial<Record<CollectiveId, number>> => Object.fromEntries(collectivesOf(spec, shareOf(spec, {}, mesh), mesh).map(({ id, sent: bytes }) => [id, bytes]));

test("one device sends nothing", () => expect(sent({ data: 1, expert: 1, model: 1 })).toEqual({}));

test("data parallel: all gradients in fp32, each to the rank that updates its weight, and the weights back", () => {
  const { parameters } = shareOf(spec, {}, { data: 4, expert: 1, model: 1 }), shared = halfRingSends(4, 4 * parameters.shared), experts = halfRingSends(4, 4 * parameters.experts);
  expect(sent({ data: 4, expert: 1, model: 1 })).toEqual({ gradients: shared, expertGradients: experts, weights: shared, expertWeights: experts });
});

test.each([{ kind: "adamw", shareUpdates: false }, { kind: "adafactor" }] as const)("data parallel, $kind, whole updates: all gradients to all", (optimizer) => {
  const mesh = { data: 4, expert: 1, model: 1 }, own = RunSpec.parse({ ...spec, training: { ...spec.training, optimizer } }), share = shareOf(own, {}, mesh);
  expect(collectivesOf(own, share, mesh).map(({ id, kind, sent: bytes }) => [id, kind, bytes]))
    .toEqual([["gradients", "all-reduce", ringSends(4, 4 * share.parameters.shared)], ["expertGradients", "all-reduce", ringSends(4, 4 * share.parameters.experts)]]);
});

test("expert parallel: tokens travel to the experts and back, forward and backward; gradients of experts stay", () => {
  const bytes = sent({ data: 1, expert: 4, model: 1 }), { parameters } = shareOf(spec, {}, { data: 1, expert: 4, model: 1 });
  // One sparse layer in each stack; 4 of 16 sequences on a device; every token has a place, in bf16.
  let exchanged = 0;
  for (const tokens of [64, 32]) for (const _direction of ["forward", "backward"]) exchanged += exchangeSends(4, 4 * tokens * 32 * 2);
  expect(bytes).toEqual({ gradients: halfRingSends(4, 4 * parameters.shared), weights: halfRingSends(4, 4 * parameters.shared), dispatch: exchanged, combine: exchanged });
});

test("model parallel: sums of activations after attention, cross-attention and feed-forward, and of their gradients", () => {
  const rows = 16, width = 32 * 2;
  let payload = 0;
  for (let layer = 0; layer < 2; layer++) {
    payload += 2 * rows * 64 * width; // encoder: attention, forward and backward
    payload += 2 * rows * 64 * width; // its feed-forward, or experts after combine
    payload += 2 * rows * 32 * width * 3; // decoder: attention, cross-attention, feed-forward
    payload += rows * 64 * width; // gradient of the encoder's output
  }
  expect(sent({ data: 1, expert: 1, model: 2 })).toEqual({ activations: ringSends(2, payload) });
});

test("places of the whole batch: every device gets the router's logits of all rows, in fp32", () => {
  const mesh = { data: 2, expert: 2, model: 1 }, whole = { ...spec, model: { ...spec.model, sparse: { ...spec.model.sparse!, capacityGroup: "batch" as const } } };
  const gathered = collectivesOf(whole, shareOf(whole, {}, mesh), mesh).find(({ id }) => id === "routing")!;
  // One sparse layer in each stack: four sequences of a device go to three others, hop by hop around the ring.
  let bytes = 0;
  for (let hop = 0; hop < 3; hop++) bytes += 4 * (64 + 32) * 8 * 4;
  expect(gathered).toMatchObject({ kind: "all-gather", ranks: 4, sent: bytes });
  expect(collectivesOf(spec, shareOf(spec, {}, mesh), mesh).find(({ id }) => id === "routing")).toBeUndefined();
});

test("all axes: each collective among its own group", () => {
  const mesh = { data: 2, expert: 4, model: 2 }, groups = collectivesOf(spec, shareOf(spec, {}, mesh), mesh);
  expect(groups.map(({ id, ranks, stride }) => [id, ranks, stride])).toEqual([["gradients", 8, 2], ["expertGradients", 2, 8], ["weights", 8, 2], ["expertWeights", 2, 8], ["dispatch", 4, 2], ["combine", 4, 2], ["activations", 2, 1]]);
});

const h100 = DEVICES.find(({ id }) => id === "h100")!;
test.each([
  ["inside a node, at the link", "all-reduce", 8, 1, 1 / 450], ["a ring over two nodes, by eight adapters", "all-reduce", 16, 1, 1 / 400], ["a ring of one device a node", "all-reduce", 4, 8, 1 / 50],
  ["an exchange inside a node", "all-to-all", 8, 1, 1 / 450], ["an exchange over two nodes, 8 of 15 others away", "all-to-all", 16, 1, 8 / 15 / 50], ["an exchange of one device a node", "all-to-all", 4, 8, 1 / 50],
] as const)("%s", (_, kind, ranks, stride, seconds) => {
  expect(secondsOf({ id: "gradients", kind, ranks, stride, payload: NaN, sent: 1e9 }, h100, 1)).toBeCloseTo(seconds, 12);
  expect(secondsOf({ id: "gradients", kind, ranks, stride, payload: NaN, sent: 1e9 }, h100, 0.5)).toBeCloseTo(2 * seconds, 12);
});

test("an own device has one kind of link for all", () => {
  const own = ownDevice({ peak: 1e12, memory: 1e9, memoryBandwidth: 1e10, link: 2e9 });
  expect(secondsOf({ id: "dispatch", kind: "all-to-all", ranks: 64, stride: 64, payload: NaN, sent: 1e9 }, own, 1)).toBe(0.5);
});
