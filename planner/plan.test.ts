import { expect, test } from "vitest";
import { RunSpec } from "../contract/runSpec.ts";
import { DEVICES, ownDevice, type Device } from "./devices.ts";
import { devicesOf, meshesOf, meshName, refusal } from "./mesh.ts";
import { PAPER_MODELS, T5_FACTS } from "./paperModels.ts";
import { ASSUMPTIONS, plan, plans } from "./plan.ts";

const device = (id: string): Device => DEVICES.find((known) => known.id === id)!;
const paper = (name: string): RunSpec => PAPER_MODELS.find((model) => model.name === name)!.spec;
const one = { data: 1, expert: 1, model: 1 };
const sample = RunSpec.parse({}); // 8 experts, 4 heads, d_ff 1024, batch 16

test("every mesh that divides model and batch is tried, and no other", () => {
  const brute: string[] = [];
  for (let data = 1; data <= 16; data++) for (let expert = 1; expert <= 16; expert++) for (let model = 1; model <= 16; model++)
    if (data * expert * model === 16 && 8 % expert === 0 && 4 % model === 0 && 16 % (data * expert) === 0) brute.push(meshName({ data, expert, model }));
  expect(meshesOf(16, sample).map(meshName).toSorted()).toEqual(brute.toSorted());
  expect(brute).not.toContain("1×16×1");
  expect(meshesOf(7, sample)).toEqual([]);
});

test.each([
  [{ data: 1, expert: 3, model: 1 }, "8 experts can't be split evenly over 3 ranks"], [{ data: 1, expert: 1, model: 8 }, "4 attention heads can't be split evenly over 8 ranks"],
  [{ data: 32, expert: 1, model: 1 }, "A batch of 16 can't be split evenly over the 32 × 1 ranks"], [{ data: 16, expert: 8, model: 4 }, "A batch of 16 can't be split evenly over the 16 × 8"],
])("%j is refused in a sentence", (mesh, sentence) => expect(refusal(sample, mesh)).toContain(sentence));

test("a dense model has no experts to split, and columns must divide", () => {
  expect(refusal(RunSpec.parse({ model: { sparse: null } }), { data: 1, expert: 2, model: 1 })).toContain("A dense model has no experts");
  expect(refusal(RunSpec.parse({ model: { dFf: 1022, heads: 4 } }), { data: 1, expert: 1, model: 4 })).toContain("1022 feed-forward columns");
});

test("the terms of a step are FLOPs and bytes over rates, and the best mesh is that of a search by hand", () => {
  const own = ownDevice({ peak: 100e9, memory: 64e9, memoryBandwidth: 20e9, link: 5e9 });
  const { time, flops, memory } = plan(sample, {}, own, { data: 2, expert: 1, model: 1 });
  expect(time.compute).toBeCloseTo(flops / 50e9, 9);
  // Both devices hold the same weights, and each updates half of them.
  expect(time.optimizer).toBeCloseTo(memory.parameters / 4 / 2 * 28 / 16e9, 9);
  for (const { sent, seconds } of time.collectives) expect(seconds).toBeCloseTo(sent / 4e9, 12);
  expect(time.total).toBeCloseTo(Math.max(time.compute, time.traffic) + time.optimizer + time.collectives.reduce((sum, { seconds }) => sum + seconds, 0), 12);
  const all = plans(sample, {}, own, 8), least = Math.min(...meshesOf(8, sample).map((mesh) => plan(sample, {}, own, mesh).time.total));
  expect(all[0]!.time.total).toBe(least);
  expect(all.map(({ mesh }) => devicesOf(mesh)).every((count) => count === 8)).toBe(true);
});

test("no step is faster than the peak allows, and one at full efficiency without traffic reaches it", () => {
  for (const known of DEVICES) for (const found of plans(sample, {}, known, 8)) expect(found.utilisation).toBeLessThan(ASSUMPTIONS.matrixEfficiency);
  const ideal = ownDevice({ peak: 1e9, memory: 1e18, memoryBandwidth: 1e18, link: 1e18 }), unpadded = RunSpec.parse({ model: { sparse: { capacityFactor: { training: 1 } } } });
  expect(plan(unpadded, {}, ideal, one, { ...ASSUMPTIONS, matrixEfficiency: 1 }).utilisation).toBeCloseTo(1, 6);
});

test("what does not fit is said, and stands behind what does", () => {
  expect(plan(paper("T5-Base"), T5_FACTS, device("h100"), one).fits).toBe(false); // 2,048 sequences at once
  const found = plans(paper("Switch-Base"), T5_FACTS, device("h100"), 64);
  expect(found[0]!.fits).toBe(true);
  expect(found[0]!.mesh.expert).toBeGreaterThan(1);
  const fits = found.map((each) => each.fits);
  expect(fits.lastIndexOf(true)).toBeLessThan(fits.indexOf(false));
  expect(plans(paper("Switch-C"), T5_FACTS, device("rtx-4090"), 8).some((each) => each.fits)).toBe(false);
});

// Table 1: T5-Base 1600 and T5-Large 470 examples a second on 32 TPU v3 cores, hence 16 chips. A roofline at half of the peak must come near.
test.each([["T5-Base", 1600], ["T5-Large", 470]])("%s is estimated within a factor of 2 of the paper's %d examples a second", (name, published) => {
  const spec = paper(name), batch = { ...spec, training: { ...spec.training, batchSize: 128 } };
  const [best] = plans(batch, T5_FACTS, device("tpu-v3"), 16);
  expect(best!.sequencesPerSecond / published).toBeGreaterThan(0.5);
  expect(best!.sequencesPerSecond / published).toBeLessThan(2);
});

test.each(DEVICES)("$name has figures of the right size and a source", ({ peak, memory, memoryBandwidth, link, network, source }) => {
  expect(peak.bf16).toBeGreaterThanOrEqual(peak.fp32);
  // A device's balance of FLOPs and bytes lies in a narrow band: a figure with sparsity or in the wrong unit falls out of it.
  expect(peak.bf16 / memoryBandwidth).toBeGreaterThan(100);
  expect(peak.bf16 / memoryBandwidth).toBeLessThan(600);
  expect(memory).toBeGreaterThanOrEqual(16e9);
  expect(link).toBeLessThan(memoryBandwidth);
  expect(network).toBeLessThan(link);
  expect(source.length).toBeGreaterThan(20);
});
