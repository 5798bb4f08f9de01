// A run on another machine: its local directory mirrors the one there, and remote.json says where that is.
import { z } from "zod";
import { HostName } from "./hosts.ts";
import { MeshSpec } from "./meshSpec.ts";
import { RunId } from "./runDirectory.ts";

/** A process that takes part in a run, on the host where it runs. Number 0 writes the run directory. */
export const RemoteWorker = z.strictObject({ host: HostName, process: z.int().min(0).max(4095) });

/** A start that was asked for. Its key starts each worker once, however often it is sent. */
export const RemoteLaunch = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{32}$/),
  /** pending: not known to have been started everywhere. cancelled: stopped before it was. */
  state: z.enum(["pending", "started", "cancelled"]),
  steps: z.int().min(1).nullable(), mesh: MeshSpec.nullable(),
  /** Checkpoint of a local run that is sent along, to go on from. */
  from: z.strictObject({ runId: RunId, step: z.int().min(0) }).nullable().default(null),
  /** Prepared data that lie on the host already. */
  data: z.string().min(1).max(1024).nullable().default(null),
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

export type RemoteWorker = z.output<typeof RemoteWorker>;
export type RemoteLaunch = z.output<typeof RemoteLaunch>;
export type RemoteFile = z.output<typeof RemoteFile>;

/** Where a run is to be trained: a host or a cluster by its name. */
export const Where = z.strictObject({ host: HostName, data: z.string().min(1).max(1024).optional() });
export type Where = z.output<typeof Where>;
