// What an agent may say. Everything is checked here before anything is made of it: an agent runs on a machine that somebody else may control.
import { z } from "zod";

const text = (length: number) => z.string().max(length);
const count = z.int().min(0);
/** Whatever is no base64 in it decodes to nothing, or to bytes that are none of an event. */
const base64 = z.string().max(1 << 20);
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A path on the host. It goes back to that host and is shown; it is never a path here. */
export const HostPath = text(4096).min(1);

/** How a process of a run does on its host; `absent`: its folder is gone, `none`: nothing was ever started in it. */
export const RemoteProcess = z.enum(["alive", "gone", "rebooted", "elsewhere", "none", "absent"]);
export type RemoteProcess = z.output<typeof RemoteProcess>;

export const answers = {
  hello: z.object({ protocol: z.literal(1), home: HostPath, runs: HostPath, host: text(255), address: text(255).regex(/^[A-Za-z0-9.:-]+$/), python: HostPath, pythonVersion: text(40), lingers: z.boolean(), agent: Sha256 }),
  list: z.object({ more: z.boolean() }),
  status: z.object({
    state: RemoteProcess, attempt: count, keys: z.array(text(64)).max(20),
    /** Processes of it that go, or 1 while its job is there. */
    going: count,
  }),
  launch: z.object({ directory: HostPath, started: z.boolean(), state: RemoteProcess }),
  ask: z.object({}),
  /** `name`: "process 4711" and its command, or "Slurm job 4711" and its state. */
  end: z.object({ left: z.array(z.object({ name: text(100), command: text(1000) })).max(10_000) }),
  read: z.object({ size: count, data: base64 }),
  have: z.object({ files: z.record(Sha256, z.int().min(-1)) }),
  put: z.object({}),
  seal: z.object({}),
  folder: z.object({ directory: HostPath }),
  find: z.object({
    logs: z.array(z.object({
      path: HostPath, format: z.literal("tensorboard").nullable(), bytes: count, changed: z.number(), files: z.array(z.tuple([text(255).min(1), count])).max(500),
    })).max(1000),
  }),
  tail: z.object({ same: z.boolean(), size: count, data: base64 }),
  ping: z.object({}),
  watch: z.object({ anew: z.boolean(), spec: text(600_000).nullable() }),
} as const;
export type Verb = keyof typeof answers;
export type Answer<V extends Verb> = z.output<(typeof answers)[V]>;

/** A run as a host lists it. */
export const ListedRun = z.object({
  directory: HostPath, name: text(200), state: z.enum(["ended", ...RemoteProcess.options]), reason: text(40).nullable(), attempt: count, step: count, bytes: count, changed: z.number(), imported: z.boolean(),
});
export type ListedRun = z.output<typeof ListedRun>;
export const ListPart = z.array(ListedRun).max(1000);

const id = z.int().min(1);
export const Reply = z.union([
  z.object({ id, ok: z.unknown() }).refine((reply) => "ok" in reply && reply.ok !== undefined),
  z.object({ id, error: z.object({ message: text(2000), code: text(40) }) }),
  z.object({ id, part: z.unknown() }).refine((reply) => "part" in reply && reply.part !== undefined),
]);

/** What is pushed of a watched run, one at a time. */
export const Push = z.object({
  watch: id,
  events: z.object({ offset: count, data: base64 }).optional(),
  /** Another file stands in the place of the one that was read. */
  replaced: z.literal(true).optional(),
  file: z.object({ name: z.enum(["process.json", "heartbeat.json", "exit.json"]), text: text(600_000) }).optional(),
  state: RemoteProcess.optional(),
  control: z.array(z.enum(["stop", "checkpoint"])).max(2).optional(),
  checkpoints: z.array(count).max(1000).optional(),
  output: z.object({ fresh: z.boolean(), data: base64 }).optional(),
  /** How the job of an engine does that a run was handed over as; `over`: it has come to its end there, `problem`: why the engine can't be asked. */
  job: z.object({ engine: text(40), id: text(100), state: text(40), over: z.boolean(), reason: text(200), problem: text(500).nullable() }).optional(),
  caughtUp: z.literal(true).optional(),
  problem: text(500).optional(),
});
export type Push = z.output<typeof Push>;
