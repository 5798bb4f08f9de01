// All runs on other machines, and the links they share: one to each host, however many runs it has.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, basename } from "node:path";
import { NOTHING_ASKED, type Asked } from "../../contract/asked.ts";
import type { ColumnMapping } from "../../contract/columnMapping.ts";
import type { FoundRemoteLog, RemoteFile, RemoteLaunch, RemoteLogFile, RemoteWorker } from "../../contract/remoteRun.ts";
import { RunId } from "../../contract/runDirectory.ts";
import type { LogFormat, RunSpec } from "../../contract/runSpec.ts";
import type { Home } from "../home.ts";
import { formatOf, isEvaluation } from "../imports/findLogs.ts";
import { LogImport } from "../imports/importLog.ts";
import { PersonError } from "../personError.ts";
import { cleanOutput } from "../runs/output.ts";
import { createRunDirectory, newRunId } from "../runs/launch.ts";
import { hasEnded, isRunDirectory, readExit, readProcess, runDirectories } from "../runs/runFiles.ts";
import type { AgentSession } from "./agentSession.ts";
import { ListPart, type ListedRun } from "./agentMessages.ts";
import { HostLink, type Reach } from "./hostLink.ts";
import { isMirror, REMOTE_FILE } from "./remoteFile.ts";
import { foundLog, readRemoteLog, RemoteLog, remoteSource } from "./remoteLog.ts";
import type { RemoteView } from "./remoteView.ts";
import { openRemote, specOf, type RemoteHooks, type RemoteRun } from "./remoteRun.ts";

/** A host, or the hosts of a cluster in the order of their workers. */
export interface Place { hosts: readonly string[]; cluster: string | null }

export interface RemoteRunsOptions {
  home: Home;
  reach(host: string): Reach | Promise<Reach>;
  place(name: string): Place;
  launch: RemoteHooks["launch"];
  /** A run's condition has to be looked at again. */
  changed(id: string): void;
  /** Events of a run have come. */
  arrived(id: string): void;
  /** A run's events have been emptied. */
  emptied(id: string): void;
  /** Takes a new directory in. */
  adopt(id: string): void;
}

export class RemoteRuns {
  #options: RemoteRunsOptions;
  #links = new Map<string, HostLink>();
  #runs = new Map<string, RemoteRun>();
  #logs = new Map<string, RemoteLog>();
  #closed = false;

  constructor(options: RemoteRunsOptions) {
    this.#options = options;
  }

  /** The mirror in a run directory; null where it is a run of this machine. */
  of(id: string): RemoteRun | null {
    const known = this.#runs.get(id);
    if (known) return known;
    const directory = join(this.#options.home.runs, id);
    if (!isMirror(directory)) return null;
    const run = openRemote(id, directory, {
      link: (host) => this.link(host),
      changed: () => { if (!this.#closed) this.#options.changed(id); },
      arrived: () => { if (!this.#closed) this.#options.arrived(id); },
      emptied: () => { if (!this.#closed) this.#options.emptied(id); },
      launch: this.#options.launch,
    });
    if (run) this.#runs.set(id, run);
    return run;
  }

  /** A log on a host that a run is read from; null for all other runs. */
  log(id: string): RemoteLog | null {
    const known = this.#logs.get(id);
    if (known) return known;
    const file = readRemoteLog(join(this.#options.home.runs, id));
    if (!file) return null;
    const log = new RemoteLog(id, this.#options.home, file, (host) => this.link(host), () => { if (!this.#closed) this.#options.changed(id); });
    this.#logs.set(id, log);
    return log;
  }

  /** What the link knows of a run of either kind; null for a run of this machine. */
  view = (id: string): RemoteView | null => this.of(id) ?? this.log(id);

  link(host: string): HostLink {
    let link = this.#links.get(host);
    if (!link) {
      link = new HostLink(host, () => this.#options.reach(host), () => {
        if (this.#closed) return;
        for (const log of this.#logs.values()) if (log.following && log.host === host) this.#options.changed(log.id);
        for (const run of this.#runs.values()) if (run.following && run.file.workers.some((worker) => worker.host === host)) this.#options.changed(run.id);
      });
      this.#links.set(host, link);
    }
    return link;
  }

  /** A host answers again. */
  wake(host: string): void {
    this.#links.get(host)?.wake();
  }

  /** Watches every mirror whose run has not ended, and reads on every log that is followed. */
  followAll(skip: (id: string) => boolean): void {
    for (const id of runDirectories(this.#options.home.runs)) {
      const directory = join(this.#options.home.runs, id);
      if (skip(id)) continue;
      if (!isMirror(directory)) {
        this.log(id)?.follow();
        continue;
      }
      const process = readProcess(directory), exit = readExit(directory), run = this.of(id);
      if (!run) continue;
      const ended = hasEnded(exit, process) && exit.attempt > (run.startedAfter ?? 0);
      // A cluster's run has ended once none of its workers goes on.
      if (!ended || (run.file.workers.length > 1 && run.file.launch?.state === "started")) run.follow();
    }
  }

  /** Runs on a host: those in its own folder, or those at and below a path. */
  async list(name: string, path: string | null): Promise<{ runs: (ListedRun & { runId: string | null })[]; more: boolean }> {
    const host = this.#first(name), session = await this.link(host).session(), runs: ListedRun[] = [];
    const { more } = await session.request("list", path === null ? {} : { roots: [path] }, { seconds: 120, onPart: (part) => {
      const parsed = ListPart.safeParse(part);
      if (parsed.success && runs.length < 10_000) runs.push(...parsed.data);
    } });
    const mirrors = this.#mirrors();
    return { runs: runs.map((run) => ({ ...run, runId: mirrors.get(`${host}:${run.directory}`) ?? null })), more };
  }

  /** Other trainers' logs at and below a path of a host. */
  async logs(name: string, path: string): Promise<FoundRemoteLog[]> {
    const host = this.#first(name), session = await this.link(host).session(), { logs } = await session.request("find", { root: path });
    const known = new Map([...this.#logs.values()].map(({ id, file }) => [`${file.host}:${file.path}`, id]));
    return logs.map(({ path, format, bytes, changed }) => ({ path, format, bytes, changed, runId: known.get(`${host}:${path}`) ?? null }));
  }

  /** Imports a log of a host, or goes on with it, and follows it from now on. Returns the run's id. @throws a sentence */
  async attachLog(name: string, given: string, format: LogFormat | null, map: ColumnMapping): Promise<string> {
    const host = this.#first(name), logs = await this.logs(host, given), log = logs.find(({ path }) => path === given) ?? (logs.length === 1 ? logs[0] : undefined);
    if (!log) throw new PersonError(logs.length === 0 ? `No log was found at ${given} on ${host}.` : `${given} on ${host} holds ${logs.length} logs; name one of them.`);
    if (log.runId !== null) {
      this.log(log.runId)!.attach();
      return log.runId;
    }
    const session = await this.link(host).session();
    const file: RemoteLogFile = { v: 1, host, path: log.path, format: format ?? log.format ?? await formatThere(session, log.path), evaluation: isEvaluation(log.path), ...map, following: true };
    const opened = await LogImport.open(this.#options.home, foundLog(file), map, remoteSource(file)), { runId } = opened;
    opened.show();
    this.log(runId)!.follow();
    this.#options.adopt(runId);
    return runId;
  }

  /** Begins to mirror a run directory of a host, or goes on with the mirror that there is. Returns its id here. */
  async attach(name: string, directory: string): Promise<string> {
    const host = this.#first(name), session = await this.link(host).session();
    const known = this.#mirrors().get(`${host}:${directory}`);
    if (known !== undefined) {
      this.of(known)?.attach();
      return known;
    }
    const spec = specOf(await readText(session, directory, "spec.json"));
    if (!spec) throw new PersonError(`The spec.json in ${cleanOutput(directory)} on ${host} can't be read by this version of Switchyard, so the run can't be shown.`);
    const id = this.#create(spec, { v: 1, workers: [{ host, process: 0 }], cluster: null, directory, launch: null, detached: false }, basename(directory));
    this.of(id)!.follow();
    this.#options.adopt(id);
    return id;
  }

  /** Makes the mirror of a run that is to be started somewhere, and starts it as soon as the links allow. */
  start(spec: RunSpec, place: string, more: Partial<Pick<RemoteLaunch, "from" | "data">> = {}, asked: Asked = NOTHING_ASKED): string {
    const { hosts, cluster } = this.#options.place(place);
    const workers = hosts.map((host, process): RemoteWorker => ({ host, process }));
    const id = this.#create(spec, { v: 1, workers, cluster, directory: null, launch: null, detached: false }, null);
    this.of(id)!.start(asked, { from: more.from ?? null, data: more.data ?? null });
    this.#options.adopt(id);
    return id;
  }

  /** Of a cluster the worker that writes its runs. */
  readonly #first = (name: string): string => this.#options.place(name).hosts[0]!;

  /** Lets go of a run whose mirror is deleted. */
  async forget(id: string): Promise<void> {
    const run = this.#runs.get(id) ?? this.#logs.get(id);
    this.#runs.delete(id);
    this.#logs.delete(id);
    await run?.leave();
  }

  close(): void {
    this.#closed = true;
    for (const run of [...this.#runs.values(), ...this.#logs.values()]) void run.leave();
    for (const link of this.#links.values()) link.close();
  }

  /** The id there where it is one and nobody has it here; another one otherwise. */
  #create(spec: RunSpec, file: RemoteFile, wanted: string | null): string {
    const free = wanted !== null && RunId.safeParse(wanted).success && !isRunDirectory(join(this.#options.home.runs, wanted));
    return createRunDirectory(this.#options.home.runs, spec, { id: free ? wanted : newRunId(), files: { [REMOTE_FILE]: file } });
  }

  /** Ids of mirrors by "host:directory". Every run directory was taken in at the start, or made here since. */
  #mirrors(): Map<string, string> {
    return new Map([...this.#runs.values()].flatMap(({ id, host, file: { directory } }) => (directory === null ? [] : [[`${host}:${directory}`, id] as const])));
  }
}

/** The format of a log of lines, from its beginning. @throws a sentence */
async function formatThere(session: AgentSession, path: string): Promise<LogFormat> {
  const { data } = await session.request("tail", { path, offset: 0, marks: [] });
  const folder = mkdtempSync(join(tmpdir(), "switchyard-log-")), file = join(folder, "lines");
  try {
    writeFileSync(file, Buffer.from(data, "base64"));
    return formatOf(file, `${session.host}:${path}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function readText(session: AgentSession, directory: string, name: string): Promise<string> {
  const { data } = await session.request("read", { directory, name, offset: 0 });
  return Buffer.from(data, "base64").toString("utf8");
}
