// What gcloud answers, read as what a stranger wrote: only known fields, checked, cleaned and cut. Field names are those of the Cloud TPU API v2.
import { isIP } from "node:net";
import { z } from "zod";
import { GcpProject, GcpZone, TpuName } from "../../contract/tpuPlace.ts";
import type { Tpu, TpuNode, TpuPhase, TpuTier } from "../../contract/tpus.ts";
import { PersonError } from "../personError.ts";
import { cleanOutput } from "../runs/output.ts";
import { metadataKeys, type MetadataKey } from "./sshKeys.ts";

const MOST_ENTRIES = 5000, MOST_WORKERS = 1024;

/** A field that is missing, or is not what it should be, is as if it were not there. */
const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const text = (limit: number) => optional(z.string().transform((value) => cleanOutput(value).replaceAll(/\s+/g, " ").trim().slice(0, limit)));
/** "projects/P/locations/Z/nodes/NAME" or NAME. */
const resource = z.string().max(1000).transform((path) => path.split("/").at(-1)!).pipe(TpuName);
const time = optional(z.string().transform((value) => Date.parse(value) / 1000).pipe(z.number()));
const address = optional(z.string().refine((value) => isIP(value) !== 0));
const error = optional(z.object({ error: optional(z.object({ message: text(1000) })) }));

const Node = z.object({
  name: resource, id: optional(z.string().regex(/^\d{1,20}$/)),
  acceleratorType: text(80), acceleratorConfig: optional(z.object({ type: text(40), topology: text(40) })), runtimeVersion: text(100),
  state: text(40), health: text(60), healthDescription: text(400), createTime: time,
  queuedResource: optional(resource),
  schedulingConfig: optional(z.object({ preemptible: optional(z.boolean()), spot: optional(z.boolean()), reserved: optional(z.boolean()) })),
  networkEndpoints: z.array(z.object({ ipAddress: address, accessConfig: optional(z.object({ externalIp: address })) })).max(MOST_WORKERS).default([]),
  metadata: optional(z.object({ "ssh-keys": optional(z.string().max(1 << 18)) })),
});
const Queued = z.object({
  name: resource, createTime: time,
  state: optional(z.object({ state: text(40), stateInitiator: text(40), failedData: error, suspendingData: error, suspendedData: error })),
  tpu: optional(z.object({ nodeSpec: z.array(z.object({ node: optional(z.object({ acceleratorType: text(80), acceleratorConfig: optional(z.object({ type: text(40), topology: text(40) })), runtimeVersion: text(100) })) })).max(1000) })),
  spot: optional(z.object({})), bestEffort: optional(z.object({})), guaranteed: optional(z.object({ reserved: optional(z.boolean()) })), reservationName: text(300),
});

/** A TPU VM as it is there; what was made of it here is not known yet. */
export interface ReadNode {
  node: TpuNode;
  /** Given by Google Cloud, for this very machine. */
  id: string | null;
  keys: MetadataKey[];
  tier: TpuTier; createdAt: number | null; queuedResource: string | null;
}
export interface Configuration { project: string | null; zone: string | null; account: string | null }

/** @throws PersonError where it is no JSON */
function parse(answer: string, what: string): unknown {
  try {
    return JSON.parse(answer) as unknown;
  } catch {
    throw new PersonError(`gcloud answered ${what} with something else than JSON; look at it in a terminal, and bring gcloud up to date: gcloud components update`, { detail: cleanOutput(answer).slice(0, 1000) });
  }
}

export function readConfiguration(answer: string): Configuration {
  const section = optional(z.record(z.string(), z.unknown()));
  const { core, compute } = z.object({ core: section, compute: section }).catch({ core: undefined, compute: undefined }).parse(parse(answer, "its configuration"));
  const one = <T extends z.ZodType<string>>(schema: T, value: unknown) => schema.safeParse(value).data ?? null;
  return { project: one(GcpProject, core?.["project"]), zone: one(GcpZone, compute?.["zone"]), account: text(200).parse(core?.["account"]) ?? null };
}

/** @throws PersonError where it can't be understood */
export function readNode(answer: string): ReadNode {
  const parsed = Node.safeParse(parse(answer, "the TPU VM"));
  if (!parsed.success) throw new PersonError("gcloud's answer about this TPU VM was not understood.", { detail: cleanOutput(answer).slice(0, 1000) });
  return nodeOf(parsed.data);
}

function entries<T extends z.ZodType>(schema: T, answer: string, what: string): { read: z.output<T>[]; passed: number } {
  const list = parse(answer, `the list of ${what}`);
  if (!Array.isArray(list)) throw new PersonError(`gcloud answered the list of ${what} with something else than a list.`, { detail: cleanOutput(answer).slice(0, 1000) });
  const read = list.slice(0, MOST_ENTRIES).flatMap((entry) => schema.safeParse(entry).data ?? []) as z.output<T>[];
  return { read, passed: list.length - read.length };
}

/** Requests with their TPU VMs, then TPU VMs without one, each newest first. A list that is null could not be had. */
export function readTpus(queuedAnswer: string | null, vmAnswer: string | null): { tpus: Tpu[]; nodes: ReadNode[]; problems: string[] } {
  const queued = queuedAnswer === null ? { read: [], passed: 0 } : entries(Queued, queuedAnswer, "queued resources"), vms = vmAnswer === null ? { read: [], passed: 0 } : entries(Node, vmAnswer, "TPU VMs");
  const nodes = vms.read.map(nodeOf), names = new Set(queued.read.map(({ name }) => name));
  const newest = (a: Tpu, b: Tpu) => (b.createdAt ?? 0) - (a.createdAt ?? 0);
  const requests = queued.read.map((request) => queuedOf(request, nodes.filter(({ queuedResource }) => queuedResource === request.name)));
  const alone = nodes.filter(({ queuedResource }) => queuedResource === null || !names.has(queuedResource)).map(vmOf);
  const passed = queued.passed + vms.passed;
  return {
    tpus: [...requests.toSorted(newest), ...alone.toSorted(newest)], nodes,
    problems: passed === 0 ? [] : [`${passed} ${passed === 1 ? "entry" : "entries"} of gcloud's answer ${passed === 1 ? "was" : "were"} not understood and ${passed === 1 ? "is" : "are"} left out.`],
  };
}

const NODE_PHASES: Record<string, TpuPhase> = {
  CREATING: "starting", STARTING: "starting", RESTARTING: "starting", REIMAGING: "starting", REPAIRING: "starting", UNHIDING: "starting", READY: "ready",
  STOPPING: "leaving", DELETING: "leaving", HIDING: "leaving", STOPPED: "ended", PREEMPTED: "ended", TERMINATED: "ended", HIDDEN: "ended",
};
const NODE_TEXTS: Record<string, string> = {
  CREATING: "being set up", STARTING: "starting", RESTARTING: "starting again", REIMAGING: "being set up anew", REPAIRING: "being repaired by Google Cloud", READY: "ready",
  STOPPING: "stopping", STOPPED: "stopped; its chips are gone", DELETING: "being deleted", PREEMPTED: "preempted: Google Cloud took it back", TERMINATED: "ended by Google Cloud",
};
const QUEUED_PHASES: Record<string, TpuPhase> = {
  CREATING: "waiting", ACCEPTED: "waiting", WAITING_FOR_RESOURCES: "waiting", PROVISIONING: "starting", ACTIVE: "ready",
  SUSPENDING: "leaving", DELETING: "leaving", FAILED: "ended", SUSPENDED: "ended",
};

function nodeOf({ name, id, acceleratorType, acceleratorConfig, runtimeVersion, state = "", health, healthDescription, createTime, queuedResource, schedulingConfig, networkEndpoints, metadata }: z.output<typeof Node>): ReadNode {
  const unhealthy = health === undefined || health === "HEALTHY" || health === "HEALTH_UNSPECIFIED" ? null : `${health.toLowerCase().replaceAll("_", " ")}${healthDescription ? `: ${healthDescription}` : ""}`;
  return {
    node: {
      name, state, phase: NODE_PHASES[state] ?? "unknown", accelerator: acceleratorOf(acceleratorType, acceleratorConfig), runtime: runtimeVersion ?? "", unhealthy,
      workers: networkEndpoints.map(({ ipAddress, accessConfig }) => ({ internal: ipAddress ?? null, external: accessConfig?.externalIp ?? null })), added: null,
    },
    id: id ?? null, keys: metadataKeys(metadata?.["ssh-keys"] ?? ""), createdAt: createTime ?? null, queuedResource: queuedResource ?? null,
    tier: schedulingConfig?.spot || schedulingConfig?.preemptible ? "spot" : schedulingConfig?.reserved ? "reserved" : "on-demand",
  };
}

/** Lists may name the type by its path. */
const acceleratorOf = (type: string | undefined, config: { type?: string | undefined; topology?: string | undefined } | undefined): string =>
  type?.split("/").at(-1) ?? [config?.type, config?.topology].filter(Boolean).join(" ");

const nodeText = ({ state }: TpuNode): string => NODE_TEXTS[state] ?? (state === "" ? "its state is not said" : state.toLowerCase().replaceAll("_", " "));

const vmOf = ({ node, tier, createdAt }: ReadNode): Tpu => ({
  kind: "vm", name: node.name, phase: node.phase, state: node.state, text: node.unhealthy && node.phase === "ready" ? `ready, but ${node.unhealthy}` : nodeText(node),
  accelerator: node.accelerator, runtime: node.runtime, tier, createdAt, nodes: [node],
});

function queuedOf({ name, createTime, state: said, tpu, spot, bestEffort, guaranteed, reservationName }: z.output<typeof Queued>, read: readonly ReadNode[]): Tpu {
  const state = said?.state ?? "", spec = tpu?.nodeSpec[0]?.node, nodes = read.map(({ node }) => node);
  const reason = (said?.failedData ?? said?.suspendingData ?? said?.suspendedData)?.error?.message;
  // It is active before its machines answer, and stays so for a while after they were taken away.
  const shown = state === "ACTIVE" ? nodes.find(({ phase }) => phase !== "ready") ?? nodes[0] : undefined;
  const phase = state === "ACTIVE" ? shown?.phase ?? "starting" : QUEUED_PHASES[state] ?? "unknown";
  return {
    kind: "queued", name, state, phase, nodes, createdAt: createTime ?? null,
    text: shown ? vmOf({ ...read[0]!, node: shown }).text : queuedText(state, said?.stateInitiator, reason),
    accelerator: acceleratorOf(spec?.acceleratorType, spec?.acceleratorConfig) || (nodes[0]?.accelerator ?? ""), runtime: spec?.runtimeVersion ?? nodes[0]?.runtime ?? "",
    tier: spot || bestEffort ? "spot" : guaranteed?.reserved || reservationName ? "reserved" : read[0]?.tier ?? "on-demand",
  };
}

function queuedText(state: string, initiator: string | undefined, reason: string | undefined): string {
  switch (state) {
    case "CREATING": return "being looked at by Google Cloud";
    case "ACCEPTED": case "WAITING_FOR_RESOURCES": return "waits in the queue for free chips";
    case "PROVISIONING": return "its machines are being set up";
    case "ACTIVE": return "active; its machines are not listed yet";
    case "FAILED": return `failed: ${reason ?? "Google Cloud gives no reason"}`;
    case "SUSPENDING": return `its machines are being taken down${reason ? `: ${reason}` : ""}`;
    case "SUSPENDED": return reason ? `suspended: ${reason}` : initiator === "USER" ? "suspended: its machines were deleted" : "suspended: Google Cloud took its machines back";
    case "DELETING": return "being deleted";
    default: return state === "" ? "its state is not said" : state.toLowerCase().replaceAll("_", " ");
  }
}
