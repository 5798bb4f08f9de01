// The GPUs of this machine that a run would be trained on, and what a person should know of them before it starts.
import type { Devices } from "./handlers.ts";

export type Gpu = Devices["gpus"][number];

/** One for each rank, as native/devices/chooseDevice.cpp chooses them; empty where the run is trained on the CPU, or can't be. */
export function gpusOf(device: string, ranks: number, gpus: readonly Gpu[]): Gpu[] {
  const usable = gpus.filter((gpu) => gpu.usable), first = usable.slice(0, ranks);
  const named = device.startsWith("GPU-") ? device.split(",").map((uuid) => usable.find((gpu) => gpu.uuid === uuid))
    : device.startsWith("cuda:") ? usable.filter((gpu) => `cuda:${gpu.index}` === device)
    : device === "auto" || device === "cuda" ? first : [];
  return named.length === ranks && named.every((gpu) => gpu !== undefined) ? named : [];
}

/** GPUs that a rank's bytes do not fit into, in a sentence; null where they do. */
export function withoutRoom(bytes: number, gpus: readonly Gpu[], size: (bytes: number) => string): string | null {
  const small = gpus.filter((gpu) => gpu.memoryBytes < bytes);
  if (small.length === 0) return null;
  const least = Math.min(...small.map((gpu) => gpu.memoryBytes));
  return `More than the ${size(least)} of ${listOf(small)}; use a smaller batch or model, or more ranks.`;
}

/** A sentence where the ranks' GPUs can't reach each other's memory; null where all can, or nobody knows. */
export function throughTheHost(gpus: readonly Gpu[]): string | null {
  const apart = gpus.flatMap((gpu, i) => gpus.slice(i + 1).filter((other) => gpu.peers.find(({ index }) => index === other.index)?.link === "host").map((other) => [gpu, other] as const));
  if (apart.length === 0) return null;
  const [one, other] = apart[0]!, more = apart.length - 1;
  return `GPU ${one.index} and GPU ${other.index}${more ? `, and ${more} more ${more === 1 ? "pair" : "pairs"},` : ""} can't reach each other's memory: what the ranks send goes through the computer's, which is slower.`;
}

const listOf = (gpus: readonly Gpu[]): string => gpus.map(({ index, name }) => `GPU ${index} (${name})`).join(", ");

/** How a GPU reaches the others: "GPU 1 by NVLink, GPU 2 through the computer's memory"; null for one alone, or where the driver does not say. */
export function peersInWords({ peers }: Gpu): string | null {
  const words = { nvlink: "by NVLink", pcie: "by PCIe", host: "through the computer's memory" };
  return peers.length === 0 ? null : peers.map(({ index, link }) => `GPU ${index} ${words[link]}`).join(", ");
}
