import { expect, test } from "vitest";
import { gpusOf, peersInWords, throughTheHost, withoutRoom, type Gpu } from "./localGpus.ts";

const gpu = (index: number, more: Partial<Gpu> = {}): Gpu => ({
  index, uuid: `GPU-${"abcd"[index]!}`, name: "RTX 4090", memoryBytes: 24e9, memoryUsedBytes: 0, utilization: null, temperature: null, power: null, usable: true,
  peers: [0, 1, 2].filter((other) => other !== index).map((other) => ({ index: other, link: index + other === 1 ? "nvlink" : "host" })), ...more,
});
const all = [gpu(0), gpu(1), gpu(2)];
const chosen = (device: string, ranks: number, gpus = all) => gpusOf(device, ranks, gpus).map(({ index }) => index);

test("a device stands for a GPU of each rank, in order", () => {
  expect(chosen("auto", 2)).toEqual([0, 1]);
  expect(chosen("cuda", 3)).toEqual([0, 1, 2]);
  expect(chosen("cuda:1", 1)).toEqual([1]);
  expect(chosen("GPU-c,GPU-a", 2)).toEqual([2, 0]);
});

test("what is no GPU, or not one for each rank, is none", () => {
  expect(chosen("cpu", 1)).toEqual([]);
  expect(chosen("auto", 4)).toEqual([]);
  expect(chosen("cuda:1", 2)).toEqual([]);
  expect(chosen("GPU-a", 2)).toEqual([]);
  expect(chosen("GPU-x", 1)).toEqual([]);
  expect(chosen("auto", 1, [gpu(0, { usable: false })])).toEqual([]);
});

test("GPUs that are too small, or apart from each other, are named before the start", () => {
  const size = (bytes: number) => `${bytes / 1e9} GB`;
  expect(withoutRoom(30e9, [gpu(0), gpu(1, { memoryBytes: 80e9 })], size)).toBe("More than the 24 GB of GPU 0 (RTX 4090); use a smaller batch or model, or more ranks.");
  expect(withoutRoom(20e9, all, size)).toBeNull();
  expect(throughTheHost(all.slice(0, 2))).toBeNull();
  expect(throughTheHost(all)).toBe("GPU 0 and GPU 2, and 1 more pair, can't reach each other's memory: what the ranks send goes through the computer's, which is slower.");
  expect(throughTheHost([gpu(0, { peers: [] }), gpu(2)])).toBeNull();
});

test("how a GPU reaches the others is said in words", () => {
  expect(peersInWords(gpu(0))).toBe("GPU 1 by NVLink, GPU 2 through the computer's memory");
  expect(peersInWords(gpu(0, { peers: [] }))).toBeNull();
});
