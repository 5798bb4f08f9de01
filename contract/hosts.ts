// Remote hosts: how each is reached, what a check found there, and what a person is asked on the way.
import { z } from "zod";
import { Engine } from "./engines.ts";
import { TpuWorker } from "./tpuPlace.ts";

const NO_CONTROL = /^[^\u0000-\u001f\u007f]*$/;
/** What a person types for a host: in a spec, on the command line, in the list. */
export const HostName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "A host's name has 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or digit.");
/** What ssh is given: an alias of ~/.ssh/config, a name or an address. One that begins with a dash would be an option. */
export const HostAddress = z.string().regex(/^[A-Za-z0-9_:[][A-Za-z0-9._:%[\]-]{0,252}$/, "An address is a host name, an IP address or a Host of ~/.ssh/config, and begins with a letter, digit or colon.");
export const UserName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._@\\-]{0,63}$/, "A user name begins with a letter or digit and has no spaces.");
const IdentityFile = z.string().max(1024).regex(/^[~/]/, "The identity file needs its full path, or one that begins with ~/.").regex(NO_CONTROL);
/** A path on the host. */
export const RemotePath = z.string().min(1).max(1024).regex(NO_CONTROL, "A path has no line breaks.").regex(/^[^-]/, "A path doesn't begin with a dash.");

/** What ssh needs to know beyond its own configuration, which stands behind all of it. */
export const HostTarget = z.strictObject({
  address: HostAddress,
  user: UserName.optional(),
  port: z.int().min(1).max(65_535).optional(),
  identityFile: IdentityFile.optional(),
  /** Host, or user@host:port, to jump through. */
  jump: z.string().regex(/^[A-Za-z0-9_[][A-Za-z0-9._:%@[\]-]{0,252}$/, "A jump host is written HOST, USER@HOST or USER@HOST:PORT.").optional(),
  /** The name under which its key is known, where addresses pass from machine to machine. */
  hostKeyAlias: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/).optional(),
});

/** Where runs lie on a host unless it says otherwise. */
export const REMOTE_RUNS = "~/.local/share/switchyard/runs";
export const RemoteRunsFolder = RemotePath.regex(/^[~/]/, "The runs folder needs its full path on the host, or one that begins with ~/.");

export const Host = z.strictObject({
  name: HostName,
  target: HostTarget,
  /** The interpreter that runs the agent and, with JAX installed, the trainer. */
  python: RemotePath.default("python3"),
  /** Folder of run directories there. */
  runs: RemoteRunsFolder.default(REMOTE_RUNS),
  /** Left out: runs are processes of the host. */
  engine: Engine.optional(),
  /** Where it was made of a Cloud TPU. */
  tpu: TpuWorker.optional(),
});
/** Hosts that work as one: the same command on each, worker 0 holds the run. */
export const Cluster = z.strictObject({
  name: HostName,
  /** Names of hosts, worker 0 first. */
  workers: z.array(HostName).min(1).max(1024).refine((names) => new Set(names).size === names.length, "Each host can be in a cluster once."),
});
/** `<home>/hosts.json`. */
export const HostsFile = z.object({ v: z.literal(1), hosts: z.array(Host), clusters: z.array(Cluster) });

/** Ways in which the link to a host fails; each has its own remedy. */
export const SshFailureKind = z.enum([
  "no-ssh", "bad-configuration", "name-unknown", "refused", "timeout", "no-route", "host-key-unknown", "host-key-changed", "permission-denied", "not-answered", "proxy-failed",
  "closed", "command-missing", "other",
]);
export const KeyFingerprint = z.object({ type: z.string(), fingerprint: z.string() });
/** A changed key: what known_hosts holds, what the host showed, and how the old one is removed. */
export const ChangedKey = z.object({ name: z.string(), known: z.array(KeyFingerprint), offered: KeyFingerprint.nullable(), removal: z.string() });
export const SshFailure = z.object({
  kind: SshFailureKind,
  /** One sentence: what happened, to which host. */
  message: z.string(),
  /** What to do about it. */
  remedy: z.string(),
  /** The end of what ssh said. */
  detail: z.string(),
  changedKey: ChangedKey.nullable(),
});

/** What is known of the link to a host. `idle`: it answered when it was last tried, and no connection is held now. */
export const LinkState = z.object({
  status: z.enum(["untried", "connecting", "connected", "idle", "unreachable"]),
  /** Unix seconds since when it is so. */
  since: z.number().nullable(),
  failure: SshFailure.nullable(),
});

/** Accelerators of one kind, as JAX or the driver names them. */
export const HostDevices = z.object({ platform: z.string(), kind: z.string(), count: z.int(), memoryBytes: z.number().nullable() });
/** Something that is missing or in the way, and the one thing to do about it. */
export const Finding = z.object({
  /** needed: without it nothing can be trained there. */
  level: z.enum(["needed", "advice"]),
  message: z.string(),
  remedy: z.string(),
  /** To be run on the host. */
  command: z.string().nullable(),
});
/** What a look at a host found. Its texts come from the host: cleaned and cut, never to be trusted. */
export const HostCheck = z.object({
  /** Unix seconds. */
  at: z.number(), seconds: z.number(), roundTripMilliseconds: z.number().nullable(),
  hostname: z.string(), system: z.string(), kernel: z.string(), architecture: z.string(),
  cores: z.int().nullable(), memoryBytes: z.number().nullable(), memoryAvailableBytes: z.number().nullable(),
  /** Mean number of running processes over 1, 5 and 15 minutes. */
  load: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  /** Of the disk that holds the runs folder. */
  disk: z.object({ path: z.string(), freeBytes: z.number(), totalBytes: z.number() }).nullable(),
  runs: z.object({ folder: z.string(), count: z.int(), writable: z.boolean() }).nullable(),
  python: z.object({ path: z.string(), version: z.string() }).nullable(),
  jax: z.object({
    version: z.string(), backend: z.string().nullable(), devices: z.array(HostDevices),
    /** Packages that the trainer needs beside it, with their versions; null where one is missing. */
    packages: z.record(z.string(), z.string().nullable()),
    /** Why JAX named no devices. */
    problem: z.string().nullable(),
  }).nullable(),
  /** What the machine has by its drivers, without JAX. */
  accelerators: z.array(HostDevices),
  /** Where the host has sbatch: what Slurm is there. */
  slurm: z.object({
    version: z.string(),
    partitions: z.array(z.object({
      name: z.string(), isDefault: z.boolean(), up: z.boolean(), nodes: z.int(), timeLimit: z.string(),
    })),
  }).nullable().default(null),
  /** Of a host that hands its runs to Ray: what answers at the address. */
  ray: z.object({
    version: z.string(), nodes: z.int(),
    /** Of all nodes together, and of the one that has the most. */
    resources: z.array(z.object({ name: z.string(), total: z.number(), most: z.number() })),
    /** Why it could not be asked: a sentence. */
    problem: z.string().nullable(),
  }).nullable().default(null),
  /** Process on the host that holds its TPU, where one does. */
  tpuHolder: z.int().nullable(),
  /** The table that tpu-info prints. */
  tpuInfo: z.string().nullable(),
  findings: z.array(Finding),
});

/** What a host would train on: what JAX sees, otherwise what the machine has by its drivers. */
export const trainingDevices = ({ jax, accelerators }: z.output<typeof HostCheck>): HostDevices[] => (jax && jax.devices.length > 0 ? jax.devices : accelerators);

export const HostSummary = Host.extend({
  /** config: an entry of ~/.ssh/config that nobody added here. */
  source: z.enum(["added", "config"]),
  link: LinkState,
  /** What the check that is going on is doing. */
  checking: z.string().nullable(),
  check: HostCheck.nullable(),
  /** Why the last check brought nothing although the host was reached. */
  problem: z.string().nullable(),
});

/** What ssh asks on the way to a host. */
export const HostPrompt = z.object({
  id: z.uuid(), host: z.string(),
  kind: z.enum(["host-key", "password", "passphrase", "code", "confirm", "touch"]),
  /** ssh's own words; those of a code or password come from the host. */
  text: z.string(),
  hostKey: z.object({ name: z.string(), type: z.string(), fingerprint: z.string(), art: z.string().nullable() }).nullable(),
});
/** A port of this machine that leads to one of a host. */
export const Forward = z.object({
  id: z.uuid(), host: z.string(), label: z.string(), remotePort: z.int(), localPort: z.int(), url: z.string(), since: z.number(),
  /** Whether something listened there when it was last tried. */
  answers: z.boolean(),
});
export const HostsState = z.object({
  hosts: z.array(HostSummary), clusters: z.array(Cluster), prompts: z.array(HostPrompt), forwards: z.array(Forward),
  /** Why hosts.json or ~/.ssh/config could not be read, a sentence each. */
  problems: z.array(z.string()),
});
/** Where ssh would go, by `ssh -G`. */
export const ResolvedHost = z.object({ hostname: z.string(), user: z.string(), port: z.int(), proxy: z.string().nullable(), identityFiles: z.array(z.string()) });

const named = z.strictObject({ name: HostName });
const nothing = z.strictObject({});
const ok = z.object({ ok: z.literal(true) });

export const hostRequests = {
  "hosts.list": { args: nothing, result: HostsState },
  /** Adds a host, or replaces the one of this name. */
  "hosts.add": { args: z.strictObject({ host: Host }), result: ok },
  /** Forgets a host that was added; nothing on it changes. */
  "hosts.remove": { args: named, result: ok },
  "hosts.resolve": { args: z.strictObject({ target: HostTarget }), result: ResolvedHost },
  /** Logs in and looks at the host. `ask`: whether somebody is there to answer what ssh asks. */
  "hosts.check": { args: z.strictObject({ name: HostName, ask: z.boolean().default(true) }), result: HostSummary },
  /** Ends the held connection, its forwarded ports with it. Runs there go on. */
  "hosts.disconnect": { args: named, result: ok },
  /** Answers what ssh asks; null declines. */
  "hosts.answer": { args: z.strictObject({ promptId: z.uuid(), answer: z.string().max(4096).nullable() }), result: ok },
  "clusters.save": { args: z.strictObject({ cluster: Cluster }), result: ok },
  "clusters.remove": { args: named, result: ok },
  /** Makes a port of the host reachable at a free one of 127.0.0.1. */
  "forwards.open": { args: z.strictObject({ name: HostName, port: z.int().min(1).max(65_535), label: z.string().trim().max(60).default("") }), result: Forward },
  "forwards.close": { args: z.strictObject({ forwardId: z.uuid() }), result: ok },
} as const;

export type HostTarget = z.output<typeof HostTarget>;
export type Host = z.output<typeof Host>;
export type Cluster = z.output<typeof Cluster>;
export type HostsFile = z.output<typeof HostsFile>;
export type SshFailure = z.output<typeof SshFailure>;
export type ChangedKey = z.output<typeof ChangedKey>;
export type LinkState = z.output<typeof LinkState>;
export type HostDevices = z.output<typeof HostDevices>;
export type Finding = z.output<typeof Finding>;
export type HostCheck = z.output<typeof HostCheck>;
export type HostSummary = z.output<typeof HostSummary>;
export type HostPrompt = z.output<typeof HostPrompt>;
export type Forward = z.output<typeof Forward>;
export type HostsState = z.output<typeof HostsState>;
export type ResolvedHost = z.output<typeof ResolvedHost>;
