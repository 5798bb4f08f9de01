// Starting a run on its hosts: code, data and spec are sent by their content, then each worker is told to start, once.
import { createHash } from "node:crypto";
import { on } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { argumentsOf } from "../../contract/asked.ts";
import { bucketOf } from "../../contract/dataPlace.ts";
import { ENGINES, type Engine } from "../../contract/engines.ts";
import type { RemoteLaunch } from "../../contract/remoteRun.ts";
import { FILES, type DataFile } from "../../contract/runDirectory.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import type { HostData, TokenizerFacts } from "../../trainer/data/prepareForHost.ts";
import { listCheckpoints } from "../../trainer/run/checkpoints.ts";
import { readSpec } from "../runs/runFiles.ts";
import { HostError, type AgentSession } from "./agentSession.ts";
import type { HostLink } from "./hostLink.ts";
import type { RemoteRun } from "./remoteRun.ts";
import { localFile, nameOfFiles, sendFiles, type LocalFile } from "./transfer.ts";

/** The JAX trainer, as it is sent: a package that `python -m` finds. */
export const REMOTE_TRAINER = "switchyard_jax";
export const REMOTE_CODE = fileURLToPath(new URL(`../../remote/${REMOTE_TRAINER}`, import.meta.url));
const END_GRACE_SECONDS = 20;
const SENT = /\.(py|json)$/;

export interface LaunchOptions {
  link(host: string): HostLink;
  /** What runs of a host are handed to there; nothing where it starts them itself. */
  engine?: (host: string) => Engine | undefined;
  /** Folder of all run directories here. */
  runs: string;
  /** Package of the trainer. */
  code?: string;
}

/** Returns the run directory on the first worker. @throws HostError, or a sentence on what can't be sent */
export async function launchRemote({ link, engine = () => undefined, runs, code = REMOTE_CODE }: LaunchOptions, run: RemoteRun, launch: RemoteLaunch, say: (doing: string) => void): Promise<string> {
  const spec = readSpec(run.directory);
  if (!spec) throw new Error(`The spec of run ${run.id} can't be read any more.`);
  const { workers } = run.file;
  const engines = workers.map(({ host }) => engine(host)), handing = engines.findIndex(Boolean);
  if (workers.length > 1 && handing >= 0) {
    const { kind } = engines[handing]!;
    throw new Error(`${workers[handing]!.host} hands its runs to ${ENGINES[kind]}, which chooses the nodes itself: start on that host alone${kind === "slurm" ? `, with --slurm-option=--nodes=${workers.length},` : ""} rather than on ${run.place}.`);
  }
  const program = await packageFiles(code);
  const prepared = launch.data === null && !launch.found ? await prepare(spec, say) : null;
  // Bytes are known to the trainer.
  const tokenizer = prepared?.tokenizer ?? (launch.found || spec.data.tokenizer.kind === "bytes" ? null : await inThread<TokenizerFacts>(spec, "tokenizer", () => {}));
  const data = prepared ? prepared.files.map((file): LocalFile => ({ ...file, path: join(prepared.folder, file.name) })) : [];
  const checkpoint = launch.from ? await checkpointFiles(join(runs, launch.from.runId), launch.from.step) : [];
  const sessions = await Promise.all(workers.map(({ host }) => link(host).session()));
  const done = workers.map(() => 0);
  const bytes = [...program, ...data, ...checkpoint].reduce((sum, file) => sum + file.bytes, 0);
  const place = async (session: AgentSession, i: number) => {
    const to = workers.length === 1 ? run.place : `${workers.length} workers of ${run.place}`;
    await sendFiles(session, [...program, ...data, ...checkpoint], workers[i]!.process, (sent) => {
      done[i] = sent;
      say(`Sending code and data to ${to}: ${percent(done.reduce((sum, part) => sum + part, 0), bytes * workers.length)} of ${megabytes(bytes * workers.length)}.`);
    });
    return {
      code: await makeFolder(session, "code", `${REMOTE_TRAINER}-${nameOfFiles(program)}`, program),
      data: prepared ? { directory: await makeFolder(session, "data", `prepared-${prepared.sha256}`, data) } : launch.data === null ? null : placed(launch.data, session),
    };
  };
  // Where workers share a disk, the others find what the first was sent.
  const first = await place(sessions[0]!, 0), places = [first, ...await Promise.all(sessions.slice(1).map((session, i) => place(session, i + 1)))];
  say(engines[0] ? `Submitting to ${ENGINES[engines[0].kind]} on ${run.place}.` : `Starting on ${run.place}.`);
  const port = portOf(run.id, launch.key), coordinator = `${sessions[0]!.facts.address}:${port}`;
  const directories = await Promise.all(sessions.map(async (session, i) => {
    const directory = launch.found ? run.file.directory! : `${session.facts.runs}/${run.id}`, { process } = workers[i]!, { data } = places[i]!;
    const begun = {
      run: run.id, process, key: launch.key, ...(launch.found && { directory }),
      files: data ? { [FILES.spec]: JSON.stringify(spec, null, 2), [FILES.data]: JSON.stringify({ v: 1, ...data, ...(tokenizer && { tokenizer }) } satisfies DataFile) } : {},
      argv: [
        session.facts.python, "-m", REMOTE_TRAINER, directory, ...argumentsOf(launch),
        ...(workers.length > 1 ? ["--coordinator", coordinator, "--processes", String(workers.length), "--process", String(process)] : []),
      ],
      env: { PYTHONPATH: places[i]!.code, PYTHONUNBUFFERED: "1" },
    };
    // What goes in a directory that was found is somebody else's: the agent then refuses the start.
    if (!launch.found) await endEarlier(session, directory, process, launch.key);
    const before = launch.from ? { run: run.id, name: `step-${launch.from.step}`, files: checkpoint.map(({ name, sha256 }) => ({ name, sha256 })) } : null;
    const handed = engines[i] ? { engine: engines[i], port } : {};
    return (await session.request("launch", { ...begun, checkpoint: before, ...handed }, { seconds: 90 })).directory;
  }));
  return directories[0]!;
}

/** A worker of an earlier start that outlived the run would hold its devices, and the coordinator's port. */
async function endEarlier(session: AgentSession, directory: string, process: number, key: string): Promise<void> {
  try {
    const { state, keys } = await session.request("status", { directory, process });
    if (state === "alive" && !keys.includes(key)) await session.request("end", { directory, process, grace: END_GRACE_SECONDS }, { seconds: END_GRACE_SECONDS + 30 });
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== "absent") throw error;
  }
}

const makeFolder = async (session: AgentSession, kind: "code" | "data", name: string, files: readonly LocalFile[]): Promise<string> =>
  (await session.request("folder", { kind, name, files: files.map((file) => ({ name: file.name, sha256: file.sha256 })) }, { seconds: 120 })).directory;

/** Data that lie there already, or in a bucket that the trainer brings them from: beside what is sent. */
const placed = (place: string, { facts }: AgentSession): Pick<DataFile, "directory" | "address"> =>
  bucketOf(place) === null ? { directory: place } : { directory: `${facts.home}/data/bucket-${createHash("sha256").update(place).digest("hex").slice(0, 32)}`, address: place };

const percent = (part: number, whole: number): string => `${whole === 0 ? 100 : Math.floor((100 * part) / whole)} %`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

/** Another start takes another port: the one before may not have let go of it. */
const portOf = (id: string, key: string): number => 20_000 + (createHash("sha256").update(id + key).digest().readUInt16BE() % 20_000);

/** A package's files, named from its parent folder. */
async function packageFiles(folder: string): Promise<LocalFile[]> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SENT.test(entry.name) && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name)).sort();
  return Promise.all(names.map((path) => localFile(relative(dirname(folder), path), path)));
}

/** A checkpoint with its manifest, whose sums are those that are sent. */
async function checkpointFiles(run: string, step: number): Promise<LocalFile[]> {
  const found = listCheckpoints(run).find(({ manifest }) => manifest.step === step);
  if (!found) throw new Error(`There is no checkpoint of step ${step} in ${run} any more.`);
  const files = await Promise.all([...found.manifest.files.map(({ name }) => name), FILES.manifest].map((name) => localFile(name, join(found.folder, name))));
  for (const { name, sha256 } of found.manifest.files)
    if (files.find((file) => file.name === name)!.sha256 !== sha256) throw new Error(`The checkpoint of step ${step} is damaged (${name}), so it is not sent.`);
  return files;
}

/** The data as tokens on this machine, prepared once and kept in the cache. */
function prepare(spec: RunSpec, say: (doing: string) => void): Promise<HostData> {
  say("Preparing the data here.");
  return inThread<HostData>(spec, "data", ({ phase, done, total }) => say(`${phase === "reading-data" ? "Reading" : "Preparing"} the data here: ${percent(done, total)} of ${megabytes(total)}.`));
}

interface Preparing { phase: string; done: number; total: number }

/** What prepareThread.ts finds. @throws its sentence */
async function inThread<T>(spec: RunSpec, wanted: "data" | "tokenizer", progress: (of: Preparing) => void): Promise<T> {
  const worker = new Worker(new URL("./prepareThread.ts", import.meta.url), { workerData: { spec, wanted } });
  try {
    for await (const [message] of on(worker, "message") as AsyncIterable<[Preparing | { result: T } | { error: string }]>) {
      if ("error" in message) throw new Error(message.error);
      if ("result" in message) return message.result;
      progress(message);
    }
    throw new Error("The data could not be prepared.");
  } finally {
    await worker.terminate();
  }
}
