// All runs on other machines, and the links they share: one to each host, however many runs it has.
import { join, basename } from "node:path";
import { NOTHING_ASKED, type Asked } from "../../contract/asked.ts";
import type { RemoteFile, RemoteLaunch, RemoteWorker } from "../../contract/remoteRun.ts";
import { RunId } from "../../contract/runDirectory.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { PersonError } from "../personError.ts";
import { createRunDirectory, newRunId } from "../runs/launch.ts";
import { hasEnded, isRunDirectory, readExit, readProcess, runDirectories } from "../runs/runFiles.ts";
import type { AgentSession } from "./agentSession.ts";
import { ListPart, type ListedRun } from "./agentMessages.ts";
import { HostLink, type Reach } from "./hostLink.ts";
import { isMirror, readRemote, REMOTE_FILE } from "./remoteFile.ts";
import { openRemote, specOf, type RemoteHooks, type RemoteRun } from "./remoteRun.ts";

/** A host, or the hosts of a cluster in the order of their workers. */
export interface Place { hosts: readonly string[]; cluster: string | null }

export interface RemoteRunsOptions {
  /** Folder of all run directories here. */
  runs: string;
  reach(host: string): Reach | Promise<Reach>;
  place(name: string): Place;
  launch: RemoteHooks["launch"];
  /** A run's condition has to be looked at again. */
  changed(id: string): void;
  /** A run's events have been emptied. */
  emptied(id: string): void;
  /** Takes a new directory in. */
  adopt(id: string): void;
}

export class RemoteRuns {
  #options: RemoteRunsOptions;
  #links = new Map<string, HostLink>();
  #runs = new Map<string, RemoteRun>();
  #closed = false;

  constructor(options: RemoteRunsOptions) {
    this.#options = options;
  }

  /** The mirror in a run directory; null where it is a run of this machine. */
  of(id: string): RemoteRun | null {
    const known = this.#runs.get(id);
    if (known) return known;
    const directory = join(this.#options.runs, id);
    if (!isMirror(directory)) return null;
    const run = openRemote(id, directory, {
      link: (host) => this.link(host),
      changed: () => { if (!this.#closed) this.#options.changed(id); },
      emptied: () => { if (!this.#closed) this.#options.emptied(id); },
      launch: this.#options.launch,
    });
    if (run) this.#runs.set(id, run);
    return run;
  }

  link(host: string): HostLink {
    let link = this.#links.get(host);
    if (!link) {
      link = new HostLink(host, () => this.#options.reach(host), () => {
        if (!this.#closed) for (const run of this.#runs.values()) if (run.following && run.file.workers.some((worker) => worker.host === host)) this.#options.changed(run.id);
      });
      this.#links.set(host, link);
    }
    return link;
  }

  /** A host answers again. */
  wake(host: string): void {
    this.#links.get(host)?.wake();
  }

  /** Watches every mirror whose run has not ended. */
  followAll(skip: (id: string) => boolean): void {
    for (const id of runDirectories(this.#options.runs)) {
      const directory = join(this.#options.runs, id);
      if (!isMirror(directory) || skip(id)) continue;
      const process = readProcess(directory), exit = readExit(directory), run = this.of(id);
      if (run && !(hasEnded(exit, process) && exit.attempt > (run.startedAfter ?? 0))) run.follow();
    }
  }

  /** Runs on a host: those in its own folder, or those at and below a path. */
  async list(host: string, path: string | null): Promise<{ runs: (ListedRun & { runId: string | null })[]; more: boolean }> {
    const session = await this.link(host).session(), runs: ListedRun[] = [];
    const { more } = await session.request("list", path === null ? {} : { roots: [path] }, { seconds: 120, onPart: (part) => {
      const parsed = ListPart.safeParse(part);
      if (parsed.success && runs.length < 10_000) runs.push(...parsed.data);
    } });
    const mirrors = this.#mirrors();
    return { runs: runs.map((run) => ({ ...run, runId: mirrors.get(`${host}:${run.directory}`) ?? null })), more };
  }

  /** Begins to mirror a run directory of a host, or goes on with the mirror that there is. Returns its id here. */
  async attach(host: string, directory: string): Promise<string> {
    const session = await this.link(host).session();
    const known = this.#mirrors().get(`${host}:${directory}`);
    if (known !== undefined) {
      this.of(known)?.attach();
      return known;
    }
    const spec = specOf(await readText(session, directory, "spec.json"));
    if (!spec) throw new PersonError(`The spec.json in ${directory} on ${host} can't be read by this version of Switchyard, so the run can't be shown.`);
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

  /** Lets go of a run whose mirror is deleted. */
  async forget(id: string): Promise<void> {
    const run = this.#runs.get(id);
    this.#runs.delete(id);
    await run?.leave();
  }

  close(): void {
    this.#closed = true;
    for (const run of this.#runs.values()) void run.leave();
    for (const link of this.#links.values()) link.close();
  }

  /** The id there where it is one and nobody has it here; another one otherwise. */
  #create(spec: RunSpec, file: RemoteFile, wanted: string | null): string {
    const free = wanted !== null && RunId.safeParse(wanted).success && !isRunDirectory(join(this.#options.runs, wanted));
    return createRunDirectory(this.#options.runs, spec, { id: free ? wanted : newRunId(), files: { [REMOTE_FILE]: file } });
  }

  /** Ids of mirrors by "host:directory". */
  #mirrors(): Map<string, string> {
    return new Map(runDirectories(this.#options.runs).flatMap((id) => {
      const file = readRemote(join(this.#options.runs, id));
      return file?.directory ? [[`${file.workers[0]!.host}:${file.directory}`, id] as const] : [];
    }));
  }
}

async function readText(session: AgentSession, directory: string, name: string): Promise<string> {
  const { data } = await session.request("read", { directory, name, offset: 0 });
  return Buffer.from(data, "base64").toString("utf8");
}
