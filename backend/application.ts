// The backend without its transport: what the server offers over the WebSocket and the CLI uses in its own process.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { GenerationRequest } from "../contract/generation.ts";
import { requests, type Arguments, type RequestName, type Result, type Topic, type TopicArguments } from "../contract/handlers.ts";
import { isDamage, openOrRebuild, type OpenedDatabase } from "../db/openOrRebuild.ts";
import { Readers } from "../db/readers.ts";
import { listRuns } from "../db/runRows.ts";
import type { WritableDB } from "../db/database.ts";
import { Tpus } from "./cloud/tpus.ts";
import { readDevices } from "./devices.ts";
import { GeneratorProcess } from "./generation/generatorProcess.ts";
import { weightsDirectory } from "./generation/weightsDirectory.ts";
import { createHandlers } from "./handlers.ts";
import type { Home } from "./home.ts";
import { Hosts } from "./hosts/hosts.ts";
import { launchRemote } from "./hosts/launchRemote.ts";
import { RemoteRuns } from "./hosts/remoteRuns.ts";
import { PersonError } from "./personError.ts";
import { toIssues } from "../contract/specIssues.ts";
import { purgeExpired } from "./runs/deletion.ts";
import { PATIENCE, type Patience } from "./runs/follower.ts";
import { Ingest } from "./runs/ingest.ts";
import { Subscriptions, type Follow } from "./subscriptions.ts";

export interface ApplicationOptions {
  home: Home;
  /** Receives one sentence for each thing that went wrong beside the requests. */
  report?: (sentence: string) => void;
  patience?: Patience;
  /** Program that trains a run directory; the product's own when left out. */
  trainer?: readonly string[];
  /** Package that trains on hosts; the product's own when left out. */
  remoteCode?: string;
  /** Whether runs on other machines are watched; otherwise only those that a request is about. */
  watchHosts?: boolean;
}

/** Holds the database of a home. The caller holds the home's lock. */
export class Application {
  readonly home: Home;
  readonly db: WritableDB;
  readonly readers: Readers;
  readonly ingest: Ingest;
  readonly subscriptions: Subscriptions;
  readonly generator = new GeneratorProcess();
  readonly hosts: Hosts;
  readonly tpus: Tpus;
  readonly remotes: RemoteRuns;
  /** Resolves once everything in the run directories at the start is stored. */
  readonly caughtUp: Promise<void>;
  #handlers: ReturnType<typeof createHandlers>;
  #report: (sentence: string) => void;
  #knownDamage = false;

  constructor({ home, report = (sentence) => console.error(sentence), patience = PATIENCE, trainer, remoteCode, watchHosts = true }: ApplicationOptions) {
    this.home = home;
    const { db, rebuilt } = this.#open();
    if (rebuilt) report(rebuilt);
    this.db = db;
    this.readers = new Readers(home.database);
    this.subscriptions = new Subscriptions(db, readDevices);
    this.#report = report;
    for (const id of purgeExpired(db, home.runs)) report(`Run ${id}, deleted more than 7 days ago, was removed.`);
    this.ingest = new Ingest(db, home.runs, {
      changed: (id) => this.subscriptions.changed(id),
      removed: (id) => this.subscriptions.removed(id),
      problem: (sentence, error) => {
        if (isDamage(error)) this.#damaged();
        else report(sentence);
      },
    }, patience, (id) => this.remotes.view(id));
    this.hosts = new Hosts(home.directory);
    this.tpus = new Tpus(this.hosts);
    this.remotes = this.#remoteRuns(remoteCode);
    this.hosts.onConnected = (name) => this.remotes.wake(name);
    this.#handlers = createHandlers(this, trainer);
    const deleted = new Set(listRuns(db).filter(({ deletedAt }) => deletedAt !== null).map(({ id }) => id));
    if (watchHosts) this.remotes.followAll((id) => deleted.has(id));
    this.caughtUp = this.ingest.start();
  }

  #remoteRuns(code: string | undefined): RemoteRuns {
    const { home, hosts, ingest } = this;
    const remotes: RemoteRuns = new RemoteRuns({
      home,
      reach: (name) => {
        const { python, runs } = hosts.host(name);
        return { python, runs, open: (command) => hosts.open(name, command), told: (hangs) => (hangs ? void hosts.disconnect(name).catch(() => {}) : hosts.report(name, null)) };
      },
      place: (name) => {
        const workers = hosts.workers(name).map((host) => host.name);
        return { hosts: workers, cluster: workers.length === 1 && workers[0] === name ? null : name };
      },
      launch: (run, launch, say) => launchRemote({ link: (host) => remotes.link(host), engine: (host) => hosts.host(host).engine, runs: home.runs, ...(code === undefined ? {} : { code }) }, run, launch, say),
      changed: (id) => {
        const follower = ingest.followers.get(id);
        if (follower) ingest.refresh(follower);
      },
      arrived: (id) => ingest.arrived(id),
      emptied: (id) => void ingest.followers.get(id)?.readBatch(),
      adopt: (id) => void ingest.adopt(id),
    });
    return remotes;
  }

  /** Answers a request: arguments and result are checked against the contract. */
  async request(name: string, args: unknown): Promise<unknown> {
    if (!Object.hasOwn(requests, name)) throw new PersonError(`This backend knows no request "${name}"; reload the window.`);
    const known = name as RequestName;
    const parsed = requests[known].args.safeParse(args);
    if (!parsed.success) {
      const issues = toIssues(parsed.error);
      throw new PersonError(`The request ${name} was not understood. ${issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join(" ")}`, { issues });
    }
    try {
      return requests[known].result.parse(await this.#handlers[known](parsed.data as never));
    } catch (error) {
      if (isDamage(error)) this.#damaged();
      throw error;
    }
  }

  /** Opens the database; one that was found damaged, now or before, is checked page by page and rebuilt. */
  #open(): OpenedDatabase {
    const { database, checkDatabase } = this.home;
    const found = existsSync(checkDatabase);
    rmSync(checkDatabase, { force: true });
    const opened = openOrRebuild(database, found);
    try {
      listRuns(opened.db);
      return opened;
    } catch (error) {
      opened.db.close();
      if (!isDamage(error)) throw error;
      return openOrRebuild(database, true);
    }
  }

  /** Damage met while running: said once, and looked into at the next start. */
  #damaged(): void {
    if (this.#knownDamage) return;
    this.#knownDamage = true;
    writeFileSync(this.home.checkDatabase, "");
    this.#report("The database is damaged; quit Switchyard and start it again to have it rebuilt from the run directories.");
  }

  /** The same, typed, for callers in this process. */
  send<K extends RequestName>(name: K, args: Arguments<K>): Promise<Result<K>> {
    return this.request(name, args) as Promise<Result<K>>;
  }

  /** Pushes what is subscribed to until the returned function is called. */
  follow<T extends Topic>(topic: T, args: TopicArguments<T>, follow: Follow): () => void {
    switch (topic) {
      case "runs": return this.subscriptions.followRuns(follow);
      case "devices": return this.subscriptions.followDevices(follow);
      case "hosts": return this.hosts.follow(follow);
      case "run": {
        const { runId, after } = args as TopicArguments<"run">;
        return this.subscriptions.followRows(runId, after, follow);
      }
      case "generation": {
        const request = GenerationRequest.parse(args);
        return this.generator.generate(weightsDirectory(this.home, request.source), request, follow);
      }
    }
    throw new PersonError(`This backend knows no topic "${String(topic)}"; reload the window.`);
  }

  async close(): Promise<void> {
    this.generator.close();
    this.subscriptions.close();
    this.remotes.close();
    this.tpus.cancel();
    await this.hosts.close();
    await this.ingest.stop();
    await this.readers.close();
    this.db.close();
  }
}

