// A run on another machine: its local directory mirrors the one there, and remote.json says where that is.
import { z } from "zod";
import { ColumnMapping } from "./columnMapping.ts";
import { DataPlace } from "./dataPlace.ts";
import { HostName, RemotePath } from "./hosts.ts";
import { MeshSpec } from "./meshSpec.ts";
import { RunId } from "./runDirectory.ts";
import { LogFormat } from "./runSpec.ts";

/** A process that takes part in a run, on the host where it runs. Number 0 writes the run directory. */
export const RemoteWorker = z.strictObject({ host: HostName, process: z.int().min(0).max(4095) });

/** A start that was asked for. Its key starts each worker once, however often it is sent. */
export const RemoteLaunch = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{32}$/),
  /** pending: not known to have been started everywhere. cancelled: stopped before it was. ended: nothing of it is left on any worker. */
  state: z.enum(["pending", "started", "cancelled", "ended"]),
  steps: z.int().min(1).nullable(), mesh: MeshSpec.nullable(),
  /** Checkpoint of a local run that is sent along, to go on from. */
  from: z.strictObject({ runId: RunId, step: z.int().min(0) }).nullable().default(null),
  /** Prepared data that lie on the host already, or in a bucket. */
  data: z.string().min(1).max(1024).nullable().default(null),
  /** In a run directory that was found on its host, which holds all that it needs but the trainer's code. */
  found: z.boolean().default(false),
  /** Attempt of the mirrored process.json before. */
  previousAttempt: z.int().min(0),
});

/** remote.json of a mirror. */
export const RemoteFile = z.strictObject({
  v: z.literal(1),
  workers: z.array(RemoteWorker).min(1).max(4096),
  /** Cluster that the workers were taken from; null for a single host. */
  cluster: HostName.nullable().default(null),
  /** The run directory on its hosts; null until the first of them has made it. */
  directory: z.string().min(1).max(4096).nullable(),
  launch: RemoteLaunch.nullable().default(null),
  /** Not followed until it is attached to again. */
  detached: z.boolean().default(false),
});

/** remote-log.json of a run that is read from another trainer's log on a host, which is copied into log/ beside it. */
export const RemoteLogFile = z.strictObject({
  v: z.literal(1), host: HostName,
  /** The folder of event files, or the file, there. */
  path: z.string().min(1).max(4096),
  format: LogFormat, evaluation: z.boolean(),
  /** Where a person named them. */
  ...ColumnMapping.shape,
  /** Read on as it grows. */
  following: z.boolean(),
});
export type RemoteLogFile = z.output<typeof RemoteLogFile>;
/** Another trainer's log that was found on a host. */
export const FoundRemoteLog = z.object({ path: z.string(), format: LogFormat.nullable(), bytes: z.number(), changed: z.number(), runId: RunId.nullable() });
export type FoundRemoteLog = z.output<typeof FoundRemoteLog>;

export type RemoteWorker = z.output<typeof RemoteWorker>;
export type RemoteLaunch = z.output<typeof RemoteLaunch>;
export type RemoteFile = z.output<typeof RemoteFile>;

/** Where a run is to be trained: a host or a cluster by its name; and, where the data lie prepared already, their folder there or bucket. */
export const Where = z.strictObject({ host: HostName, data: DataPlace.optional() });
export type Where = z.output<typeof Where>;

/** A run that was found on a host. */
export const FoundRun = z.object({
  directory: z.string(), name: z.string(),
  /** ended, or how its process does. */
  state: z.enum(["ended", "alive", "gone", "rebooted", "elsewhere", "none", "absent"]), reason: z.string().nullable(),
  attempt: z.int(), step: z.number(), bytes: z.number(),
  /** Unix seconds of its newest event, by the host's clock. */
  changed: z.number(),
  /** Read from another trainer's log. */
  imported: z.boolean(),
  /** Its mirror here. */
  runId: RunId.nullable(),
});
/** Where a run on another machine is, and how the link to it does. */
export const RemoteDetail = z.object({
  place: z.string(), workers: z.array(RemoteWorker), directory: z.string().nullable(), detached: z.boolean(),
  /** Whether everything that the host has is here now. */
  copied: z.boolean(),
  /** Whether it is watched: until it has ended and nothing of it is left on its hosts. */
  watched: z.boolean(),
  link: z.object({ state: z.enum(["idle", "connecting", "connected", "lost"]), since: z.number(), reason: z.string().nullable() }),
});
/** A checkpoint on its way. */
export const CheckpointTransfer = z.object({ runId: RunId, step: z.int(), done: z.number(), total: z.number() });

const runId = z.strictObject({ runId: RunId });
const ok = z.object({ ok: z.literal(true) });

export const remoteRequests = {
  /** Runs in the runs folder of a host, or at and below a path there. */
  "hosts.runs": { args: z.strictObject({ name: HostName, path: RemotePath.nullable().default(null) }), result: z.object({ runs: z.array(FoundRun), more: z.boolean() }) },
  /** Other trainers' logs at and below a path of a host. */
  "hosts.logs": { args: z.strictObject({ name: HostName, path: RemotePath }), result: z.object({ logs: z.array(FoundRemoteLog) }) },
  /** Imports a log of a host as a run, and reads on as it grows. */
  "runs.attachLog": {
    args: z.strictObject({
      host: HostName, path: RemotePath, format: LogFormat.nullable().default(null), ...ColumnMapping.shape,
    }),
    result: z.object({ runId: RunId }),
  },
  /** Mirrors a run directory of a host from now on. */
  "runs.attach": { args: z.strictObject({ host: HostName, directory: RemotePath }), result: z.object({ runId: RunId }) },
  /** Lets go of a run on another machine; there it goes on, here its rows stay. */
  "runs.detach": { args: runId, result: ok },
  /** Tries the link of a run again now. */
  "runs.reconnect": { args: runId, result: ok },
  /** null for a run of this machine. */
  "runs.remote": { args: runId, result: RemoteDetail.nullable() },
  /** Copies a checkpoint from a run's host; resolves once it is here and its sums hold. */
  "runs.download": { args: z.strictObject({ runId: RunId, step: z.int().min(0) }), result: ok },
  "runs.transfers": { args: z.strictObject({}), result: z.array(CheckpointTransfer) },
  /** A new run that goes on from a checkpoint of another, here (`where` null) or on a host: fetched or sent first where it has to be. */
  "runs.continue": {
    args: z.strictObject({ runId: RunId, step: z.int().min(0).nullable().default(null), where: Where.nullable().default(null), steps: z.int().min(1).optional(), mesh: MeshSpec.optional() }),
    result: z.object({ runId: RunId }),
  },
} as const;
export type FoundRun = z.output<typeof FoundRun>;
export type RemoteDetail = z.output<typeof RemoteDetail>;
export type CheckpointTransfer = z.output<typeof CheckpointTransfer>;
