import { AXES, axisMetric, RANK_TIMES, TRAFFIC, rankBytesMetric, rankTimeMetric, type MeshSpec } from "../contract/meshSpec.ts";
import type { RankUse } from "../native/switchyard.d.ts";
import { sum } from "./routingMetrics.ts";

/**
 * Where each rank's time went in a step, seconds, and what it sent, bytes. All ranks stand in the same collectives: the one that spends the
 * least time there came last and waited for nobody, so what others spend beyond that is waiting.
 */
export function rankValues(ranks: readonly RankUse[], mesh: MeshSpec): Record<string, number> {
  const inCollectives = ranks.map(({ traffic }) => sum(TRAFFIC.map((kind) => traffic[kind].seconds)));
  const least = Math.min(...inCollectives), step = sum(ranks.map(({ seconds }) => seconds));
  const values: Record<string, number> = {
    ...Object.fromEntries(AXES.map((axis) => [axisMetric(axis), mesh[axis]])),
    "mesh.computeShare": 1 - sum(inCollectives) / step, "mesh.waitingShare": (sum(inCollectives) - ranks.length * least) / step,
    "mesh.bytes": sum(ranks.flatMap(({ traffic }) => TRAFFIC.map((kind) => traffic[kind].bytes))),
  };
  ranks.forEach(({ seconds, traffic }, rank) => {
    const times = { compute: seconds - inCollectives[rank]!, communication: least, waiting: inCollectives[rank]! - least };
    for (const time of RANK_TIMES) values[rankTimeMetric(rank, time)] = times[time];
    for (const kind of TRAFFIC) values[rankBytesMetric(rank, kind)] = traffic[kind].bytes;
  });
  return values;
}
