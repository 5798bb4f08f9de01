// What the interface can ask the backend, and what the backend pushes. One table drives both ends: the backend implements
// `Handlers`, the renderer and the tests call `send(name, args)`; both sides validate with these schemas.
import { z } from "zod";
import { ColumnMapping } from "./columnMapping.ts";
import { MeshSpec, RunSpec, WeightsSource } from "./runSpec.ts";
import { ModelFile, ModelId, ModelInspection, ModelName } from "./modelFile.ts";
import { GenerationPush, GenerationRequest } from "./generation.ts";
import { AlertCode, RoutingLayer, Stack, WireNumber } from "./events.ts";
import { hostRequests, HostsState } from "./hosts.ts";
import { remoteRequests, Where } from "./remoteRun.ts";
import { tpuRequests } from "./tpus.ts";
import { ExitReason, RunId } from "./runDirectory.ts";

/** preparing: started, no step yet. unreachable: on a host that can't be asked now; nothing is known of how it goes. */
export const RunStatus = z.enum(["starting", "preparing", "running", "stopping", "unreachable", "completed", "stopped", "failed"]);
export const Summary = z.object({ last: WireNumber, lastStep: z.int(), min: WireNumber, minStep: z.int(), max: WireNumber, maxStep: z.int() });
export const RunSummary = z.object({
  id: RunId, name: z.string(), status: RunStatus,
  /** One sentence on how it ended or why it waits; null while all is well. */
  statusMessage: z.string().nullable(), exitReason: ExitReason.nullable(),
  /** `steps` is 0 where nobody knows: a run imported from another trainer's log. */
  attempt: z.int(), step: z.int(), steps: z.int(), tokens: z.number(), seconds: z.number(),
  createdAt: z.number(), startedAt: z.number().nullable(), endedAt: z.number().nullable(),
  /** Unix seconds of the newest event; the interface says how long ago. */
  lastEventAt: z.number().nullable(),
  progress: z.object({ phase: z.string(), done: z.number(), total: z.number().nullable(), unit: z.string() }).nullable(),
  /** Newest tokens a second, for the time left. */
  device: z.string().nullable(), parameters: z.int().nullable(),
  experts: z.int().nullable(), sparseLayers: z.int(),
  /** Index into the colour-blind-safe set of 10; beyond it dashes. A person can reassign it. */
  colour: z.int().min(0).max(39), tags: z.array(z.string()), note: z.string(),
  archived: z.boolean(), deletedAt: z.number().nullable(),
  /** Host or cluster of a run on another machine; null for runs of this one. */
  host: z.string().nullable(),
  alerts: z.int(),
  /** Summary by metric name: "loss", "evaluation.loss", "droppedFraction", "overload", "tokensPerSecond". */
  metrics: z.record(z.string(), Summary),
});
/** Was it read from another trainer's log? Then its spec says nothing of the model, and nothing can be done with its weights. */
export const isImported = ({ steps }: Pick<z.output<typeof RunSummary>, "steps">): boolean => steps === 0;
/** Lines of events.jsonl that brought nothing, by reason; of `missing` events there are gaps in the sequence. */
export const PassedOver = z.object({ unparsable: z.int(), oversized: z.int(), unknown: z.int(), repeated: z.int(), missing: z.int() });
export const RunDetail = z.object({
  summary: RunSummary, spec: RunSpec, directory: z.string(),
  metricNames: z.array(z.string()),
  sparseLayers: z.array(z.object({ stack: Stack, layer: z.int(), experts: z.int() })),
  passedOver: PassedOver,
  /** Newest row number of the run: subscribe after it. */
  cursor: z.int(),
});
/** A bucket keeps its last, least and greatest value, so that spikes stay visible. Columns, all of one length. */
export const Series = z.object({
  name: z.string(), reduced: z.boolean(), count: z.int(),
  step: z.array(z.int()), tokens: z.array(z.number()), seconds: z.array(z.number()),
  last: z.array(WireNumber), min: z.array(WireNumber), max: z.array(WireNumber),
  cursor: z.int(),
});
export const RoutingRow = z.object({ step: z.int(), ...RoutingLayer.shape });
export const RoutingHistory = z.object({
  stack: Stack, layer: z.int(), experts: z.int(), count: z.int(), reduced: z.boolean(),
  step: z.array(z.int()), capacity: z.array(z.int()), tokens: z.array(z.int()), groups: z.array(z.int()),
  /** One array of E numbers a step. */
  load: z.array(z.array(z.number())), kept: z.array(z.array(z.number())), probability: z.array(z.array(z.number())),
  entropy: z.array(WireNumber), confidence: z.array(WireNumber), dropped: z.array(WireNumber), auxiliaryLoss: z.array(WireNumber),
  cursor: z.int(),
});
export const Alert = z.object({
  id: z.int(), attempt: z.int(), step: z.int(), t: z.number(), level: z.enum(["warning", "error"]), code: AlertCode, message: z.string(),
  stack: Stack.nullable(), layer: z.int().nullable(), expert: z.int().nullable(),
});
export const LogLine = z.object({ id: z.int(), attempt: z.int(), t: z.number(), step: z.int().nullable(), level: z.enum(["info", "warning", "error"]), message: z.string() });
export const Checkpoint = z.object({
  step: z.int(), t: z.number(), bytes: z.int(), reason: z.string(), evaluationLoss: WireNumber.nullable(), best: z.boolean(),
  /** Whether it is here, to go on from or to write text with. */
  present: z.boolean(),
  /** Whether it lies on the run's host. */
  remote: z.boolean().default(false),
});
export const Devices = z.object({
  cpu: z.object({ name: z.string(), physicalCores: z.int(), logicalCores: z.int(), memoryBytes: z.number(), memoryAvailableBytes: z.number(), instructionSets: z.array(z.string()), utilization: z.number().nullable() }),
  gpus: z.array(z.object({
    index: z.int(), uuid: z.string(), name: z.string(), memoryBytes: z.number(), memoryUsedBytes: z.number(),
    utilization: z.number().nullable(), temperature: z.number().nullable(), power: z.number().nullable(), usable: z.boolean(),
    /** How it reaches each of the others; empty where the driver does not say. */
    peers: z.array(z.object({ index: z.int(), link: z.enum(["nvlink", "pcie", "host"]) })),
  })),
  cuda: z.object({ available: z.boolean(), reason: z.string().nullable(), libtorch: z.string() }),
});
export const DataInspection = z.object({
  documents: z.int(), bytes: z.number(), invalidBytes: z.number(), vocabularySize: z.int(), files: z.int(),
  skipped: z.array(z.object({ path: z.string(), reason: z.string() })),
  /** Of a source of images, whose documents they are. */
  images: z.object({ height: z.int(), width: z.int(), channels: z.int(), classes: z.int() }).nullable(),
});
/** One mistake in a spec, at a dotted path such as "model.sparse.every". */
export const SpecIssue = z.object({ path: z.string(), message: z.string() });
/** Evaluation losses in nats a token; contract/distillation.ts says what is kept. */
const Evaluated = z.object({ runId: RunId, name: z.string(), loss: WireNumber, step: z.int() });
export const DistillationReport = z.object({
  student: Evaluated, dense: Evaluated, teacher: z.object({ source: WeightsSource, loss: WireNumber }),
  /** null where the teacher is no better than the dense run. */
  gainKept: z.number().nullable(),
  /** Dotted paths in which the two runs' data or training length differ; empty where the losses can be compared. */
  differences: z.array(z.string()),
});
export const SpecDifference = z.object({ path: z.string(), values: z.array(z.json()) });

const runId = z.strictObject({ runId: RunId });
const modelId = z.strictObject({ modelId: ModelId });
const nothing = z.strictObject({});
const ok = z.object({ ok: z.literal(true) });
const points = z.int().min(2).max(20_000).default(1000);
const range = { from: z.int().min(0).optional(), to: z.int().min(0).optional() };

export const requests = {
  "app.info": { args: nothing, result: z.object({ version: z.string(), home: z.string(), node: z.string(), sqlite: z.string(), host: z.string(), pid: z.int(), userHome: z.string() }) },
  "runs.list": { args: nothing, result: z.array(RunSummary) },
  "runs.get": { args: runId, result: RunDetail },
  /** Validates and starts, here or where it is said. Errors carry `issues` for the form. */
  "runs.start": { args: z.strictObject({ spec: z.unknown(), where: Where.nullable().default(null) }), result: z.object({ runId: RunId }) },
  /** Another trainer's log: a folder of event files, searched to its depth, or a file. The runs that hold something, at least one. */
  "runs.import": { args: z.strictObject({ path: z.string().trim().min(1).max(4096), ...ColumnMapping.shape }), result: z.object({ runs: z.array(z.object({ runId: RunId, name: z.string(), rows: z.int() })).min(1) }) },
  "runs.stop": { args: runId, result: ok },
  /** Continues from the newest good checkpoint; `steps` raises the number of steps. */
  "runs.resume": { args: z.strictObject({ runId: RunId, steps: z.int().min(1).optional(), mesh: MeshSpec.optional() }), result: ok },
  "runs.checkpoint": { args: runId, result: ok },
  "runs.rename": { args: z.strictObject({ runId: RunId, name: z.string().trim().min(1).max(200) }), result: ok },
  "runs.tag": { args: z.strictObject({ runId: RunId, tags: z.array(z.string().trim().min(1).max(60)).max(50) }), result: ok },
  "runs.note": { args: z.strictObject({ runId: RunId, note: z.string().max(20_000) }), result: ok },
  "runs.colour": { args: z.strictObject({ runId: RunId, colour: z.int().min(0).max(39) }), result: ok },
  "runs.archive": { args: z.strictObject({ runId: RunId, archived: z.boolean() }), result: ok },
  /** Marks for deletion; files go after 7 days or at `runs.purge`. */
  "runs.delete": { args: runId, result: ok },
  "runs.restore": { args: runId, result: ok },
  "runs.purge": { args: runId, result: ok },
  "runs.export": { args: z.strictObject({ runId: RunId, format: z.enum(["csv", "json"]), what: z.enum(["metrics", "routing"]).default("metrics") }), result: z.object({ fileName: z.string(), mediaType: z.string(), text: z.string() }) },
  "runs.compare": { args: z.strictObject({ runIds: z.array(RunId).min(2).max(20) }), result: z.array(SpecDifference) },
  /** What a distilled run kept of its teacher's gain over a dense run without one. */
  "runs.distillation": { args: z.strictObject({ runId: RunId, denseRunId: RunId }), result: DistillationReport },
  "runs.alerts": { args: runId, result: z.array(Alert) },
  "runs.log": { args: z.strictObject({ runId: RunId, before: z.int().optional(), limit: z.int().min(1).max(5000).default(1000) }), result: z.array(LogLine) },
  /** The end of stdout.log, cleaned of control characters. */
  "runs.output": { args: runId, result: z.object({ text: z.string(), truncated: z.boolean() }) },
  "runs.checkpoints": { args: runId, result: z.array(Checkpoint) },
  "metrics.series": { args: z.strictObject({ runId: RunId, name: z.string().max(128), points, ...range }), result: Series },
  /** The newest recorded routing at or before `step` (newest of all when left out), one row a sparse layer. */
  "routing.at": { args: z.strictObject({ runId: RunId, step: z.int().min(0).optional() }), result: z.array(RoutingRow) },
  "routing.history": { args: z.strictObject({ runId: RunId, stack: Stack, layer: z.int().min(0), points: z.int().min(2).max(2000).default(300), ...range }), result: RoutingHistory },
  /** All steps with recorded routing, thinned to at most 2,000, first and last included. */
  "routing.steps": { args: runId, result: z.object({ steps: z.array(z.int()), count: z.int() }) },
  "spec.validate": { args: z.strictObject({ spec: z.unknown() }), result: z.object({ issues: z.array(SpecIssue) }) },
  "data.inspect": { args: z.strictObject({ source: z.unknown(), tokenizer: z.unknown() }), result: DataInspection },
  /** Imported models, newest first. */
  "models.list": { args: nothing, result: z.array(ModelFile) },
  "models.info": { args: modelId, result: ModelFile.extend({ directory: z.string() }) },
  /** What a folder in Hugging Face's layout would bring, without its weights being read. */
  "models.inspect": { args: z.strictObject({ directory: z.string().min(1).max(4096) }), result: ModelInspection },
  /** Reads a folder in Hugging Face's layout into the home; takes as long as reading and writing its weights. */
  "models.import": { args: z.strictObject({ directory: z.string().min(1).max(4096), name: ModelName.optional() }), result: z.object({ modelId: ModelId }) },
  "models.delete": { args: modelId, result: ok },
  "devices.read": { args: nothing, result: Devices },
  ...hostRequests,
  ...remoteRequests,
  ...tpuRequests,
} as const;

/** Rows of one run after a cursor, in order. `reset`: an attempt superseded rows after `resetAfterStep`; drop them. */
export const RunRows = z.object({
  cursor: z.int(),
  resetAfterStep: z.int().nullable(),
  metrics: z.array(z.object({ step: z.int(), tokens: z.number(), seconds: z.number(), values: z.record(z.string(), WireNumber) })),
  routing: z.array(RoutingRow),
  alerts: z.array(Alert), log: z.array(LogLine),
  checkpointsChanged: z.boolean(),
});
export const subscriptions = {
  runs: { args: nothing, push: z.object({ changed: z.array(RunSummary), removed: z.array(RunId) }) },
  run: { args: z.strictObject({ runId: RunId, after: z.int().min(0) }), push: RunRows },
  devices: { args: nothing, push: Devices },
  /** Hosts, clusters, open questions and forwarded ports: the whole state at each change. */
  hosts: { args: nothing, push: HostsState },
  /** Text from a model. Nothing follows the push whose answer is done; unsubscribing ends the work. */
  generation: { args: GenerationRequest, push: GenerationPush },
} as const;

export type RequestName = keyof typeof requests;
export type Arguments<K extends RequestName> = z.input<(typeof requests)[K]["args"]>;
export type Result<K extends RequestName> = z.output<(typeof requests)[K]["result"]>;
export type Handlers = { [K in RequestName]: (args: z.output<(typeof requests)[K]["args"]>) => Result<K> | Promise<Result<K>> };
export type Topic = keyof typeof subscriptions;
export type TopicArguments<T extends Topic> = z.input<(typeof subscriptions)[T]["args"]>;
export type Push<T extends Topic> = z.output<(typeof subscriptions)[T]["push"]>;

/** Messages on the WebSocket, JSON text. The token travels in the first message, never in the URL's query. */
export const ClientMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("hello"), token: z.string().max(200), protocol: z.literal(1) }),
  z.strictObject({ type: z.literal("request"), id: z.int().min(1), name: z.string().max(64), args: z.unknown() }),
  z.strictObject({ type: z.literal("subscribe"), id: z.int().min(1), topic: z.string().max(64), args: z.unknown() }),
  z.strictObject({ type: z.literal("unsubscribe"), id: z.int().min(1) }),
]);
/** An error as it reaches the person: a sentence, detail a click away, and form issues where there are some. */
export const WireError = z.object({ message: z.string(), detail: z.string().nullable(), issues: z.array(SpecIssue) });
export const ServerMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("welcome"), protocol: z.literal(1), version: z.string() }),
  z.strictObject({ type: z.literal("result"), id: z.int(), result: z.unknown() }),
  z.strictObject({ type: z.literal("error"), id: z.int(), error: WireError }),
  z.strictObject({ type: z.literal("push"), id: z.int(), push: z.unknown() }),
]);
export type WireError = z.output<typeof WireError>;
export type RunSummary = z.output<typeof RunSummary>;
export type DistillationReport = z.output<typeof DistillationReport>;
export type PassedOver = z.output<typeof PassedOver>;
export type RunDetail = z.output<typeof RunDetail>;
export type RunStatus = z.output<typeof RunStatus>;
export type Series = z.output<typeof Series>;
export type RoutingRow = z.output<typeof RoutingRow>;
export type RoutingHistory = z.output<typeof RoutingHistory>;
export type RunRows = z.output<typeof RunRows>;
export type Alert = z.output<typeof Alert>;
export type LogLine = z.output<typeof LogLine>;
export type Checkpoint = z.output<typeof Checkpoint>;
export type Devices = z.output<typeof Devices>;
export type DataInspection = z.output<typeof DataInspection>;
export type SpecIssue = z.output<typeof SpecIssue>;
export type SpecDifference = z.output<typeof SpecDifference>;
export type Summary = z.output<typeof Summary>;
