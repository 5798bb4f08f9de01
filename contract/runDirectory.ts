// The files of a run directory besides events.jsonl. docs/run-directory.md explains them with examples.
import { z } from "zod";

export const FILES = {
  spec: "spec.json", process: "process.json", events: "events.jsonl", heartbeat: "heartbeat.json",
  control: "control", checkpoints: "checkpoints", log: "stdout.log", exit: "exit.json", manifest: "manifest.json", data: "data.json",
} as const;
export const RunId = z.uuidv7();

/** Enough to tell a live process from another that was given its pid. */
export const ProcessFile = z.object({
  v: z.literal(1), attempt: z.int().min(1), pid: z.int().min(1),
  /** Field 22 of /proc/<pid>/stat: clock ticks after boot. */
  startTicks: z.string().max(32),
  bootId: z.string().max(64), host: z.string().max(255), argv: z.array(z.string().max(4096)).max(64), startedAt: z.number(),
});
/** Replaced every few seconds; the counter shows progress without trusting clocks. */
export const HeartbeatFile = z.object({ v: z.literal(1), attempt: z.int().min(1), count: z.int().min(0), step: z.int().min(0), t: z.number() });
export const ExitReason = z.enum(["completed", "stopped", "non-finite", "disk-full", "data-error", "device-error", "spec-error", "checkpoint-error", "crashed", "killed"]);
/** The end of an attempt. Written by the trainer, or for a process that is provably gone by the backend or by the agent of its host (`by`). */
export const ExitFile = z.object({
  v: z.literal(1), attempt: z.int().min(1), reason: ExitReason, code: z.int(), step: z.int().min(0), t: z.number(),
  /** One sentence for the person. */
  message: z.string().max(4000),
  detail: z.string().max(20_000).nullable().default(null),
  by: z.enum(["trainer", "backend", "agent"]),
});
/** control/<verb>.json asks the trainer for something; the trainer removes it when done. */
export const ControlVerb = z.enum(["stop", "checkpoint"]);
export const ControlFile = z.object({ v: z.literal(1), verb: ControlVerb, t: z.number() });

/** Where the prepared data of a run on another host lies there, and what its trainer needs to know of the tokenizer: it never reads text. */
export const DataFile = z.object({
  v: z.literal(1), directory: z.string().min(1).max(4096),
  /** The bucket that the trainer brings them from into that directory. */
  address: z.string().min(1).max(1024).optional(),
  /** May be left out of a run whose tokenizer is bytes. Sentinels in order of use. */
  tokenizer: z.object({ vocabularySize: z.int().min(1), pad: z.int().min(0), end: z.int().min(0), sentinels: z.array(z.int().min(0)).max(10_000) }).optional(),
});

/** checkpoints/step-N/manifest.json; a checkpoint without it does not exist. */
export const Manifest = z.object({
  v: z.literal(1), step: z.int().min(0), attempt: z.int().min(1), t: z.number(), engine: z.string().max(200),
  tokens: z.number(), seconds: z.number(),
  /** Opaque position of the data pipeline and random streams. */
  position: z.record(z.string(), z.union([z.number(), z.string()])),
  evaluationLoss: z.number().nullable(),
  files: z.array(z.object({ name: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).max(4096),
});

export type ProcessFile = z.output<typeof ProcessFile>;
export type HeartbeatFile = z.output<typeof HeartbeatFile>;
export type ExitFile = z.output<typeof ExitFile>;
export type ExitReason = z.output<typeof ExitReason>;
export type DataFile = z.output<typeof DataFile>;
export type Manifest = z.output<typeof Manifest>;
export type ControlVerb = z.output<typeof ControlVerb>;
