// A TPU in words and signs.
import type { Cluster, Host } from "../../contract/hosts.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { Tpu, TpuPhase, TpuTier } from "../../contract/tpus.ts";

export const GLYPHS: Record<TpuPhase, string> = { waiting: "◌", starting: "◌", ready: "●", leaving: "◌", ended: "✕", unknown: "?" };
export const TIERS: Record<TpuTier, string> = { "on-demand": "on demand", spot: "spot", reserved: "reserved" };

/** Something will be otherwise before long. */
export const isMoving = ({ phase }: Pick<Tpu, "phase">): boolean => phase === "waiting" || phase === "starting" || phase === "leaving";

/** The hosts here that are workers of the TPU, and the clusters that have one of them. */
export function madeOf({ nodes }: Pick<Tpu, "nodes">, { project, zone }: TpuPlace, hosts: readonly Host[], clusters: readonly Cluster[]): { hosts: string[]; clusters: string[] } {
  const own = hosts.filter(({ tpu }) => tpu?.project === project && tpu.zone === zone && nodes.some(({ name }) => name === tpu.node)).map(({ name }) => name);
  return { hosts: own, clusters: clusters.filter(({ workers }) => workers.some((worker) => own.includes(worker))).map(({ name }) => name) };
}
