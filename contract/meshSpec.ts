// The ranks that train one model together, and what they send each other. docs/mesh.md explains it.
import { z } from "zod";
import { count, field } from "./specField.ts";

/** Most ranks along an axis, and of a mesh. */
export const MOST_RANKS = 64;
const axis = (title: string, description: string) => field(count(1, MOST_RANKS).default(1), { title, unit: "ranks", description });

export const MeshSpec = z.strictObject({
  data: axis("Data axis", "Ranks that hold the same weights and other sequences of the batch; their gradients are summed."),
  expert: axis("Expert axis", "Ranks among which the experts are spread. They take other sequences too, and send tokens to each other's experts and back."),
  model: axis("Model axis", "Ranks among which attention heads and feed-forward columns are cut; they work on the same sequences and sum partial products."),
});
export type MeshSpec = z.output<typeof MeshSpec>;

export const AXES = ["data", "expert", "model"] as const;
export const ranksOf = ({ data, expert, model }: MeshSpec): number => data * expert * model;
/** Shares that the batch's sequences are cut into. */
export const sharesOf = ({ data, expert }: MeshSpec): number => data * expert;

export interface MeshPlace { data: number; expert: number; model: number }
/** Ranks count along `model` first and `data` last. The same in native/mesh/shape.cpp. */
export const placeOf = (rank: number, { expert, model }: MeshSpec): MeshPlace =>
  ({ data: Math.floor(rank / (expert * model)), expert: Math.floor(rank / model) % expert, model: rank % model });
export function rankName(rank: number, mesh: MeshSpec): string {
  const { data, expert, model } = placeOf(rank, mesh);
  return `rank ${rank} (data ${data}, expert ${expert}, model ${model})`;
}

/** What a rank's collectives are for, in the order of the engine (native/mesh/traffic.h). */
export const TRAFFIC = ["gradients", "parameters", "experts", "activations", "routing", "control"] as const;
export type Traffic = (typeof TRAFFIC)[number];

/** Metrics of each rank, recorded with routing: seconds of a step, and bytes that the rank sent in it. */
export const RANK_TIMES = ["compute", "communication", "waiting"] as const;
export type RankTime = (typeof RANK_TIMES)[number];
export const rankTimeMetric = (rank: number, time: RankTime): string => `mesh.${rank}.${time}`;
export const rankBytesMetric = (rank: number, traffic: Traffic): string => `mesh.${rank}.bytes.${traffic}`;
/** Ranks along an axis, recorded with them: a resume may have chosen another mesh than the spec's. */
export const axisMetric = (axis: (typeof AXES)[number]): string => `mesh.axis.${axis}`;

/** What a metric of a rank says; null for other metrics. */
export function rankMetric(name: string): { rank: number; time: RankTime } | { rank: number; traffic: Traffic } | null {
  const [, rank, time, traffic] = /^mesh\.(\d+)\.(?:(compute|communication|waiting)|bytes\.(\w+))$/.exec(name) ?? [];
  if (time) return { rank: Number(rank), time: time as RankTime };
  return traffic && (TRAFFIC as readonly string[]).includes(traffic) ? { rank: Number(rank), traffic: traffic as Traffic } : null;
}
