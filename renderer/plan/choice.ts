// What the planner is asked about, as the address holds it.
import { DEVICES, ownDevice, type Device } from "../../planner/devices.ts";
import type { Mesh } from "../../planner/mesh.ts";
import { PAPER_MODELS } from "../../planner/paperModels.ts";
import type { SparseSpec } from "../../contract/sparseSpec.ts";
import { RunId } from "../../contract/runDirectory.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { PRESETS } from "../newRun/presets.ts";

/** Of an own device: TFLOP/s, GB, GB/s, GB/s. */
export interface OwnFigures { peak: number; memory: number; bandwidth: number; link: number }
export interface PlanChoice {
  /** "preset:sample", "paper:Switch-Base" or "run:<id>". */
  subject: string;
  /** Sequences in a batch; null takes the spec's. */
  batch: number | null;
  /** What places of experts are counted over; null takes the spec's. */
  group: SparseSpec["capacityGroup"] | null;
  /** A device of the planner, or "own". */
  device: string;
  devices: number;
  /** null follows the best one. */
  mesh: Mesh | null;
  own: OwnFigures;
  /** Share of the peak that products reach, in percent. */
  efficiency: number;
}

export const START_CHOICE: PlanChoice = { subject: "preset:larger", batch: null, group: null, device: "h100", devices: 8, mesh: null, own: { peak: 100, memory: 24, bandwidth: 1000, link: 30 }, efficiency: 50 };
export const GROUPS = ["batch", "sequence", "rank"] as const satisfies readonly SparseSpec["capacityGroup"][];
export const MOST_DEVICES = 65_536;
export const MOST_BATCH = 65_536;

const whole = (text: string | null, most: number): number | null => (text !== null && /^[1-9]\d{0,5}$/.test(text) && Number(text) <= most ? Number(text) : null);

function subjectOf(text: string | null): string {
  const [kind, name] = [text?.slice(0, text.indexOf(":")), text?.slice(text.indexOf(":") + 1)];
  const known = kind === "preset" ? PRESETS.some(({ id }) => id === name) : kind === "paper" ? PAPER_MODELS.some((model) => model.name === name) : kind === "run" && RunId.safeParse(name).success;
  return known ? text! : START_CHOICE.subject;
}

/** "2x4x1". */
function meshOf(text: string | null): Mesh | null {
  const sizes = (text ?? "").split("x").map((size) => whole(size, MOST_DEVICES));
  const [data, expert, model] = sizes;
  return sizes.length === 3 && data && expert && model ? { data, expert, model } : null;
}

function ownOf(text: string | null): OwnFigures {
  const figures = (text ?? "").split(",").map(Number);
  if (figures.length !== 4 || !figures.every((figure) => figure > 0 && Number.isFinite(figure))) return START_CHOICE.own;
  const [peak, memory, bandwidth, link] = figures as [number, number, number, number];
  return { peak, memory, bandwidth, link };
}

/** What the query names; the rest, and what can't be read, as at the start. */
export function readChoice(query: URLSearchParams): PlanChoice {
  const device = query.get("device"), efficiency = Number(query.get("efficiency"));
  return {
    subject: subjectOf(query.get("of")), batch: whole(query.get("batch"), MOST_BATCH), group: GROUPS.find((group) => group === query.get("group")) ?? null, device: device === "own" || DEVICES.some(({ id }) => id === device) ? device! : START_CHOICE.device,
    devices: whole(query.get("devices"), MOST_DEVICES) ?? START_CHOICE.devices, mesh: meshOf(query.get("mesh")), own: ownOf(query.get("own")),
    efficiency: efficiency > 0 && efficiency <= 100 ? efficiency : START_CHOICE.efficiency,
  };
}

/** Names and values that read back as the choice. */
export function writeChoice({ subject, batch, group, device, devices, mesh, own, efficiency }: PlanChoice): [name: string, value: string | number | null, start: string | number | null][] {
  const figures = ({ peak, memory, bandwidth, link }: OwnFigures) => [peak, memory, bandwidth, link].join(",");
  return [
    ["of", subject, START_CHOICE.subject], ["batch", batch, null], ["group", group, null], ["device", device, START_CHOICE.device], ["devices", devices, START_CHOICE.devices],
    ["mesh", mesh && `${mesh.data}x${mesh.expert}x${mesh.model}`, null], ["own", figures(own), figures(START_CHOICE.own)], ["efficiency", efficiency, START_CHOICE.efficiency],
  ];
}

/** The spec with what the choice changes of it. */
export const changedSpec = (spec: RunSpec, { batch, group }: Pick<PlanChoice, "batch" | "group">): RunSpec => ({
  ...spec, training: { ...spec.training, batchSize: batch ?? spec.training.batchSize },
  model: spec.model.sparse && group !== null ? { ...spec.model, sparse: { ...spec.model.sparse, capacityGroup: group } } : spec.model,
});

export const deviceOf = ({ device, own }: Pick<PlanChoice, "device" | "own">): Device =>
  DEVICES.find(({ id }) => id === device) ?? ownDevice({ peak: own.peak * 1e12, memory: own.memory * 1e9, memoryBandwidth: own.bandwidth * 1e9, link: own.link * 1e9 });

/** A known device's figures as the beginning of an own one. */
export const figuresOf = ({ peak, memory, memoryBandwidth, link }: Device): OwnFigures => {
  const digits = (value: number) => Number(value.toPrecision(4));
  return { peak: digits(peak.bf16 / 1e12), memory: digits(memory / 1e9), bandwidth: digits(memoryBandwidth / 1e9), link: digits(link / 1e9) };
};
