import { expect, test } from "vitest";
import { HostCheck, type HostSummary } from "./hosts.ts";
import { deviceMisfit } from "./deviceFit.ts";

const host = (count: number, more: Partial<Pick<HostSummary, "check" | "engine">> = {}, platform = "tpu"): Pick<HostSummary, "check" | "engine"> =>
  ({ check: { jax: null, accelerators: [{ platform, kind: "TPU v5e", count, memoryBytes: null }] } as unknown as HostCheck, ...more });
const mesh = (data: number) => ({ data, expert: 1, model: 2 });

test("a mesh of more ranks than devices is said in one sentence", () => {
  expect(deviceMisfit(mesh(4), "tpu-0", [host(4)])).toBe("The mesh has 8 ranks, and the last check of tpu-0 found 4 devices; choose a smaller mesh.");
  expect(deviceMisfit(mesh(2), "tpu-0", [host(4)])).toBeNull();
  expect(deviceMisfit(mesh(1), "tpu-0", [host(4)])).toBeNull();
});

test("of a cluster all devices take part", () => {
  expect(deviceMisfit(mesh(2), "pod", [host(4), host(4)])).toMatch(/^The mesh has 4 ranks, and the last checks of the 2 workers of pod found 8 devices, .* choose a mesh of 8\.$/);
  expect(deviceMisfit(mesh(4), "pod", [host(4), host(4)])).toBeNull();
});

test("nothing is said where nobody knows", () => {
  expect(deviceMisfit(mesh(9), "new", [host(1, { check: null })])).toBeNull();
  expect(deviceMisfit(mesh(9), "gone", [])).toBeNull();
  expect(deviceMisfit(mesh(9), "cpu", [host(1, {}, "cpu")])).toBeNull();
  expect(deviceMisfit(mesh(9), "cluster", [host(1, { engine: { kind: "slurm" } as never })])).toBeNull();
});
