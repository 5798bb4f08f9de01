// Cloud TPUs of a Google Cloud project: what gcloud says of them, how one is asked for, and which hosts come of it.
import { z } from "zod";
import { HostName, HostTarget, RemotePath, RemoteRunsFolder } from "./hosts.ts";
import { TpuName, TpuPlace } from "./tpuPlace.ts";

/** Who else may have the chips. Spot: Google Cloud takes them back when it needs them. */
export const TpuTier = z.enum(["on-demand", "spot", "reserved"]);
/** waiting: in the queue. leaving: being taken down. ended: has no chips and gets none any more. */
export const TpuPhase = z.enum(["waiting", "starting", "ready", "leaving", "ended", "unknown"]);
export const TpuKind = z.enum(["queued", "vm"]);

/** One TPU VM: a machine, or the machines of a slice. Its texts come from Google Cloud: cleaned and cut. */
export const TpuNode = z.object({
  name: TpuName, phase: TpuPhase,
  /** Google Cloud's own word, such as READY. */
  state: z.string(),
  accelerator: z.string(), runtime: z.string(),
  /** Why it is not healthy; null while it is. */
  unhealthy: z.string().nullable(),
  /** Addresses of its workers, worker 0 first. */
  workers: z.array(z.object({ internal: z.string().nullable(), external: z.string().nullable() })),
  /** The host or cluster that was made of it here. `current`: its addresses are still those. */
  added: z.object({ name: HostName, current: z.boolean() }).nullable(),
});
/** What a person asked for and what came of it: a queued resource with its TPU VMs, or a TPU VM that was made without a queue. */
export const Tpu = z.object({
  kind: TpuKind, name: TpuName, phase: TpuPhase, state: z.string(),
  /** The state in words, with the reason where there is one. */
  text: z.string(),
  accelerator: z.string(), runtime: z.string(), tier: TpuTier,
  /** Unix seconds. */
  createdAt: z.number().nullable(),
  nodes: z.array(TpuNode),
});
export const TpuList = z.object({
  tpus: z.array(Tpu),
  /** What could not be listed, a sentence each. */
  problems: z.array(z.string()),
});

export const AcceleratorType = z.string().max(40).regex(/^[a-z][a-z0-9]*-[0-9]+$/, "An accelerator type is written like v5litepod-8: the generation, a dash, and how many.");
const RuntimeVersion = z.string().max(100).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "A runtime version is written like v2-alpha-tpuv5-lite.");
const Network = z.string().max(200).regex(/^[a-z][A-Za-z0-9/._-]*$/, "A network is a name, or projects/PROJECT/global/networks/NAME.");
/** A queued resource of one TPU VM, which gets the same name. */
export const TpuAsk = z.strictObject({
  name: TpuName, accelerator: AcceleratorType, runtime: RuntimeVersion, tier: TpuTier.default("on-demand"),
  /** Left out: the network called default. */
  network: Network.optional(), subnetwork: Network.optional(),
  /** Without addresses of the internet. */
  internal: z.boolean().default(false),
  /** Hours after which the request is given up if it still waits. */
  withinHours: z.int().min(1).max(720).optional(),
  /** Whose public key of this machine may log in there. */
  login: z.strictObject({ user: HostTarget.shape.user.unwrap(), publicKeyFile: z.string().max(1024).regex(/^[~/].*\.pub$/, "A public key needs its full path, or one that begins with ~/, and ends in .pub.") }).optional(),
});
/** How the hosts that are made of a TPU VM are reached; what is left out is found out or stays as it was. */
export const TpuHostOptions = z.strictObject({
  /** Name of the host, or of the cluster whose hosts are called NAME-0, NAME-1, …; left out: the TPU's own. */
  as: HostName.optional(),
  ...HostTarget.pick({ user: true, identityFile: true, jump: true }).shape,
  python: RemotePath.optional(), runs: RemoteRunsFolder.optional(),
  /** By the addresses of its own network; left out: where it has no others and a jump host, or was reached so before. */
  internal: z.boolean().optional(),
});

/** Generations of accelerators and the runtime version that goes with JAX on each. */
const RUNTIMES: readonly (readonly [RegExp, string])[] = [
  [/^v[234]-/, "tpu-ubuntu2204-base"], [/^v5litepod-/, "v2-alpha-tpuv5-lite"], [/^v5p-/, "v2-alpha-tpuv5"], [/^v6e-/, "v2-alpha-tpuv6e"],
];
/** The usual runtime version of an accelerator type, or null where none is known. */
export const usualRuntime = (accelerator: string): string | null => RUNTIMES.find(([pattern]) => pattern.test(accelerator))?.[1] ?? null;
/** Where the trainer's environment is looked for on a TPU VM unless it is said. */
export const TPU_PYTHON = "~/switchyard-jax/bin/python";

const ok = z.object({ ok: z.literal(true) });
export const tpuRequests = {
  /** What gcloud and this machine suggest; null where nothing does. */
  "tpus.defaults": { args: z.strictObject({}), result: z.object({ project: z.string().nullable(), zone: z.string().nullable(), account: z.string().nullable(), user: z.string(), publicKeyFile: z.string().nullable() }) },
  "tpus.list": { args: TpuPlace, result: TpuList },
  "tpus.create": { args: z.strictObject({ place: TpuPlace, ask: TpuAsk }), result: ok },
  /** Makes a host of a TPU VM, or a cluster of its workers; done again, it brings their addresses up to date. */
  "tpus.add": { args: z.strictObject({ place: TpuPlace, node: TpuName, options: TpuHostOptions.prefault({}) }), result: z.object({ name: HostName, hosts: z.array(HostName) }) },
  /** Deletes it with its machines and what lies on them. */
  "tpus.delete": { args: z.strictObject({ place: TpuPlace, kind: TpuKind, name: TpuName }), result: ok },
  /** Ends the processes of gcloud that only look. */
  "tpus.cancel": { args: z.strictObject({}), result: ok },
} as const;

export type TpuTier = z.output<typeof TpuTier>;
export type TpuPhase = z.output<typeof TpuPhase>;
export type TpuKind = z.output<typeof TpuKind>;
export type TpuNode = z.output<typeof TpuNode>;
export type Tpu = z.output<typeof Tpu>;
export type TpuList = z.output<typeof TpuList>;
export type TpuAsk = z.output<typeof TpuAsk>;
export type TpuHostOptions = z.output<typeof TpuHostOptions>;
