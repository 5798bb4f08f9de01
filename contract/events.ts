// One line of events.jsonl. Strict JSON: a number that is not finite is written as a string.
// docs/run-directory.md describes the file to somebody writing a trainer in another language.
import { z } from "zod";

/** A number that may be "NaN", "Infinity" or "-Infinity" on the wire. */
export const WireNumber = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]);
export const toWire = (value: number): z.output<typeof WireNumber> =>
  Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity");
export const fromWire = (value: z.output<typeof WireNumber>): number => Number(value);

const stamp = {
  v: z.literal(1),
  /** 1 for the first start of the run, one more at each resume. */
  attempt: z.int().min(1).max(1_000_000),
  /** Grows by one with each event of an attempt, from 0. */
  seq: z.int().min(0),
  /** Unix time in seconds. */
  t: z.number(),
};
const step = z.int().min(0);
const metricName = z.string().regex(/^[A-Za-z][A-Za-z0-9._/-]{0,127}$/);
const values = z.record(metricName, WireNumber);
export const Stack = z.enum(["encoder", "decoder"]);

/** First event of each attempt but for `progress`: rows of earlier attempts after `fromStep` are superseded. */
export const AttemptEvent = z.object({
  ...stamp, kind: z.literal("attempt"),
  /** Steps already done, from the checkpoint resumed; 0 at the first start, −1 where a row of step 0 is superseded too. */
  fromStep: z.int().min(-1),
  /** What the engine really has, to be held against the estimate. */
  parameters: z.int().min(0), device: z.string().max(200), precision: z.string().max(40),
});
export const MetricsEvent = z.object({
  ...stamp, kind: z.literal("metrics"), step,
  /** Target and input tokens processed since step 0. */
  tokens: z.number().min(0),
  /** Seconds spent training since step 0, over all attempts. */
  seconds: z.number().min(0),
  values,
});
export const EvaluationEvent = z.object({ ...MetricsEvent.shape, kind: z.literal("evaluation") });
/** Routing of one sparse layer at one step. Definitions: docs/definitions.md. */
export const RoutingLayer = z.object({
  stack: Stack, layer: z.int().min(0).max(1000),
  experts: z.int().min(1).max(4096), capacity: z.int().min(0), groups: z.int().min(1), tokens: z.int().min(0),
  /** [experts] choices before capacity: Σ load is the number of choices, k for each token at most; where experts choose, what they took. */
  load: z.array(z.number().min(0)).max(4096),
  /** [experts] places in use. Above `load` where tokens come that had chosen another expert first (No-Token-Left-Behind). */
  kept: z.array(z.number().min(0)).max(4096),
  probability: z.array(z.number()).max(4096),
  entropy: WireNumber, confidence: WireNumber,
  /** Fraction of tokens dispatched to no expert; not 1 − Σ kept ÷ Σ load where a token has several choices. */
  dropped: WireNumber,
  auxiliaryLoss: WireNumber, zLoss: WireNumber,
  /** Pairs [capacity factor, exact dropped fraction]; empty where other capacities would change the choices themselves or there is no
   *  limit: No-Token-Left-Behind, expert choice, dropless. */
  dropAtCapacityFactor: z.array(z.tuple([z.number(), z.number()])).max(64),
});
export const RoutingEvent = z.object({ ...stamp, kind: z.literal("routing"), step, ...RoutingLayer.shape });
export const CheckpointEvent = z.object({
  ...stamp, kind: z.literal("checkpoint"), step,
  action: z.enum(["written", "removed"]),
  reason: z.enum(["schedule", "stop", "request", "final", "retention"]),
  bytes: z.int().min(0), evaluationLoss: WireNumber.nullable(), best: z.boolean(),
});
export const AlertCode = z.enum(["dead-expert", "collapse", "overload", "drop-rate", "spike", "non-finite", "stall", "disk", "failure"]);
export const AlertEvent = z.object({
  ...stamp, kind: z.literal("alert"), step,
  level: z.enum(["warning", "error"]), code: AlertCode, message: z.string().max(2000),
  stack: Stack.nullable().default(null), layer: z.int().nullable().default(null), expert: z.int().nullable().default(null),
});
export const LogEvent = z.object({
  ...stamp, kind: z.literal("log"), step: step.nullable().default(null),
  level: z.enum(["info", "warning", "error"]), message: z.string().max(10_000),
});
/** What a trainer does before or between steps, in words. */
export const PHASES = {
  "reading-data": "reading the data", "preparing-data": "preparing the data", "building-model": "building the model", "loading-checkpoint": "loading the checkpoint",
  "first-step": "first step", evaluating: "evaluating", "saving-checkpoint": "saving a checkpoint",
} as const;
export const phaseWords = (phase: string): string => (Object.hasOwn(PHASES, phase) ? PHASES[phase as keyof typeof PHASES] : phase.replaceAll("-", " "));
/** Progress of work that is not training steps; `first-step` until the first one is done. It may come before `attempt`. */
export const ProgressEvent = z.object({
  ...stamp, kind: z.literal("progress"),
  phase: z.enum(Object.keys(PHASES) as (keyof typeof PHASES)[]),
  done: z.number().min(0), total: z.number().min(0).nullable(), unit: z.string().max(20),
});

export const RunEvent = z.discriminatedUnion("kind", [
  AttemptEvent, MetricsEvent, EvaluationEvent, RoutingEvent, CheckpointEvent, AlertEvent, LogEvent, ProgressEvent,
]);
/** What every line has, known kind or not. */
export const EventStamp = z.looseObject({ ...stamp, kind: z.string().max(64) });

export type RunEvent = z.output<typeof RunEvent>;
export type RunEventKind = RunEvent["kind"];
export type RoutingLayer = z.output<typeof RoutingLayer>;
export type RoutingEvent = z.output<typeof RoutingEvent>;
export type AlertEvent = z.output<typeof AlertEvent>;
export type CheckpointEvent = z.output<typeof CheckpointEvent>;
export type Stack = z.output<typeof Stack>;

/** Longest line a reader accepts, in bytes. */
export const MAX_EVENT_BYTES = 1 << 20;
/** Capacity factors of the what-if table. */
export const CAPACITY_FACTOR_GRID = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4] as const;
