// Whether a mesh finds its devices where a run is to be trained, by what the last check of the hosts found.
import { trainingDevices, type HostSummary } from "./hosts.ts";
import { ranksOf, type MeshSpec } from "./meshSpec.ts";

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/**
 * One sentence where the mesh does not fit; null where it does, or nobody knows: a host was not checked, hands its runs to others, or has nothing but a CPU,
 * which stands for as many devices as are asked for.
 */
export function deviceMisfit(mesh: MeshSpec, place: string, workers: readonly Pick<HostSummary, "check" | "engine">[]): string | null {
  const ranks = ranksOf(mesh);
  let devices = 0;
  for (const { check, engine } of workers) {
    const found = check && trainingDevices(check).filter(({ platform }) => platform !== "cpu");
    if (engine || !found || found.length === 0) return null;
    devices += found.reduce((sum, { count }) => sum + count, 0);
  }
  if (workers.length > 1 && ranks !== devices) return `The mesh has ${counted(ranks, "rank")}, and the last checks of the ${workers.length} workers of ${place} found ${counted(devices, "device")}, all of which have to take part; choose a mesh of ${devices}.`;
  return ranks > devices && workers.length > 0 ? `The mesh has ${counted(ranks, "rank")}, and the last check of ${place} found ${counted(devices, "device")}; choose a smaller mesh.` : null;
}
