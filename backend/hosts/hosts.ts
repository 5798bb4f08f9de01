// All hosts of a home: those added and those of ~/.ssh/config, what is known of each, and what is asked on the way there.
import { rmdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Host as HostSchema, type Cluster, type Forward, type Host, type HostCheck, type HostSummary, type HostsState, type LinkState, type SshFailure } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";
import type { Follow } from "../subscriptions.ts";
import { Askpass } from "./askpass.ts";
import { checkHost } from "./check.ts";
import { controlFolder } from "./controlFolder.ts";
import { answers, closeForward, openForward } from "./forwards.ts";
import { HostConnection, isPassing, LinkError } from "./hostConnection.ts";
import { HostStore } from "./hostStore.ts";
import { sshConfigFile, type Channel } from "./ssh.ts";
import { configuredHosts } from "./sshConfig.ts";

const PUSH_EVERY_MILLISECONDS = 50;
const UNTRIED: LinkState = { status: "untried", since: null, failure: null };

/** What is known of a host beside how it is reached. */
interface Known {
  connection: HostConnection;
  /** What the check that is going on is doing. */
  checking: string | null;
  check: HostCheck | null;
  problem: string | null;
}

export class Hosts {
  readonly #store: HostStore;
  readonly #home: string;
  #folder: string | null = null;
  readonly #configFile: string | null;
  readonly #askpass: Askpass;
  readonly #known = new Map<string, Known>();
  #forwards: Forward[] = [];
  readonly #followers = new Set<Follow>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** Called when a host is connected: what waited for it can go on. */
  onConnected: (name: string) => void = () => {};

  constructor(home: string, configFile = sshConfigFile()) {
    this.#configFile = configFile;
    this.#home = home;
    this.#store = new HostStore(home);
    this.#askpass = new Askpass(() => this.#controlFolder, () => this.#changed());
  }

  /** Made when it is first needed, and removed at the end unless a connection outlives this process. */
  get #controlFolder(): string {
    return this.#folder ??= controlFolder(this.#home, this.#configFile);
  }

  /** How a process of ssh is started for these hosts. */
  get sshOptions() {
    return { controlFolder: this.#controlFolder, configFile: this.#configFile };
  }

  state(): HostsState {
    const configured = configuredHosts(this.#configFile), added = new Set(this.#store.hosts.map(({ name }) => name));
    const hosts = [
      ...this.#store.hosts.map((host) => this.#summary(host, "added")),
      ...configured.names.filter((name) => !added.has(name)).map((name) => this.#summary(ofConfig(name), "config")),
    ];
    return {
      hosts, clusters: [...this.#store.clusters], prompts: this.#askpass.prompts, forwards: [...this.#forwards],
      problems: [...(this.#store.problem ? [this.#store.problem] : []), ...configured.problems],
    };
  }

  #summary(host: Host, source: HostSummary["source"]): HostSummary {
    const known = this.#known.get(host.name), remembered = known ? null : this.#store.remembered(host.name);
    return { ...host, source, link: known?.connection.state ?? atRest(remembered?.link), checking: known?.checking ?? null, check: known?.check ?? remembered?.check ?? null, problem: known?.problem ?? null };
  }

  /** @throws PersonError where there is no such host */
  host(name: string): Host {
    const added = this.#store.hosts.find((host) => host.name === name);
    if (added) return added;
    if (configuredHosts(this.#configFile).names.includes(name)) return ofConfig(name);
    throw new PersonError(`There is no host "${name}"; "switchyard hosts list" shows all, and "switchyard hosts add" adds one.`);
  }

  /** The hosts that a name stands for: one host, or the workers of a cluster in their order. @throws PersonError where it stands for none */
  workers(name: string): Host[] {
    const cluster = this.#store.clusters.find((one) => one.name === name);
    return cluster ? cluster.workers.map((worker) => this.host(worker)) : [this.host(name)];
  }

  /** Adds a host, or replaces the one of its name. */
  async save(host: Host): Promise<void> {
    const before = this.#store.hosts.find(({ name }) => name === host.name);
    this.#store.saveHost(host);
    // What was found the old way says nothing of the new one.
    if (!isDeepStrictEqual(before, host)) await this.#forget(host.name);
  }

  async remove(name: string): Promise<void> {
    this.#store.removeHost(name);
    await this.#forget(name);
  }

  async #forget(name: string): Promise<void> {
    const known = this.#known.get(name);
    this.#known.delete(name);
    this.#store.remember(name, null);
    this.#changed();
    await known?.connection.end();
    known?.connection.close();
  }

  saveCluster(cluster: Cluster): void {
    this.#store.saveCluster(cluster, new Set(this.state().hosts.map(({ name }) => name)));
    this.#changed();
  }

  removeCluster(name: string): void {
    this.#store.removeCluster(name);
    this.#changed();
  }

  /** Answers what ssh asks; null declines. @throws PersonError where the question is gone */
  answer(promptId: string, answer: string | null): void {
    this.#askpass.answer(promptId, answer);
  }

  /** Makes sure that the host is connected: HostConnection.connect. @throws PersonError */
  async connect(name: string, ask: boolean): Promise<void> {
    await this.#of(name).connection.connect(ask);
  }

  /**
   * Before something that a person asked for on a host or the workers of a cluster: logs in where there is no connection, asking as long
   * as somebody is there to answer. @throws PersonError for what only a person can mend; a host that is out of reach may come back
   */
  async prepare(name: string): Promise<void> {
    await Promise.all(this.workers(name).map((worker) => this.connect(worker.name, this.#followers.size > 0).catch((error: unknown) => {
      if (!(error instanceof LinkError) || !isPassing(error.failure)) throw error;
    })));
  }

  /** Runs a command over the host's connection, or over a new one that asks nobody. Whoever opens it reads it. */
  open(name: string, command: string): Channel {
    return this.#of(name).connection.open(command);
  }

  /** Whoever uses a channel learned how the host is; null when it answered. */
  report(name: string, failure: SshFailure | null): void {
    const { connection } = this.#of(name);
    if (failure) connection.lost(failure);
    else connection.answered();
  }

  /** Logs in if need be and looks at the host. @throws PersonError where it can't be reached or understood */
  async check(name: string, ask: boolean): Promise<HostSummary> {
    const known = this.#of(name), { connection } = known;
    if (known.checking !== null) throw new PersonError(`${name} is being checked already.`);
    const tell = (doing: string | null) => {
      known.checking = doing;
      this.#changed();
    };
    known.problem = null;
    tell("connecting");
    try {
      await connection.connect(ask);
      const outcome = await checkHost(connection.host, connection.open("exec sh -s"), tell);
      if (outcome.check) {
        known.check = outcome.check;
        this.#remember(name, known);
      } else if (outcome.end.failure) throw new LinkError(outcome.end.failure);
      else {
        known.problem = outcome.reason ?? `The check of ${name} ended early; try again.`;
        throw new PersonError(known.problem);
      }
    } finally {
      tell(null);
    }
    return this.state().hosts.find((summary) => summary.name === name)!;
  }

  /** Ends the held connection; what runs on the host goes on. */
  async disconnect(name: string): Promise<void> {
    await this.#of(name).connection.end();
  }

  async openForward(name: string, port: number, label: string): Promise<Forward> {
    const { connection } = this.#of(name);
    const there = this.#forwards.find((forward) => forward.host === name && forward.remotePort === port);
    if (there) {
      const again = { ...there, answers: await answers(there.localPort) };
      this.#forwards = this.#forwards.map((forward) => (forward.id === there.id ? again : forward));
      this.#changed();
      return again;
    }
    await connection.connect(true);
    const forward = await openForward(this.#controlFolder, connection.host.target, name, port, label);
    this.#forwards.push(forward);
    this.#changed();
    return forward;
  }

  async closeForward(id: string): Promise<void> {
    const forward = this.#forwards.find((one) => one.id === id);
    if (!forward) throw new PersonError("This port is not forwarded any more.");
    this.#forwards = this.#forwards.filter((one) => one.id !== id);
    this.#changed();
    await closeForward(this.#controlFolder, this.host(forward.host).target, forward);
  }

  /** Pushes the whole state now and whenever it changes. */
  follow(follow: Follow): () => void {
    this.#followers.add(follow);
    follow.push(this.state());
    return () => void this.#followers.delete(follow);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#followers.clear();
    for (const { connection } of this.#known.values()) connection.close();
    // Forwarded ports would otherwise stay for as long as the shared connection does.
    await Promise.all(this.#forwards.map((forward) => closeForward(this.#controlFolder, this.host(forward.host).target, forward).catch(() => {})));
    await this.#askpass.close();
    try {
      if (this.#folder) rmdirSync(this.#folder);
    } catch {
      // A shared connection lives on in it.
    }
  }

  /** @throws PersonError where there is no such host */
  #of(name: string): Known {
    const there = this.#known.get(name);
    if (there) return there;
    const host = this.host(name), remembered = this.#store.remembered(name);
    const connection = new HostConnection(host, atRest(remembered?.link), {
      ssh: () => this.sshOptions,
      ask: (host, options) => this.#askpass.begin(host, options),
      changed: (state) => {
        if (this.#known.get(name) !== known) return;
        if (state.status !== "connecting") this.#remember(name, known);
        if (state.status === "connected") this.onConnected(name);
        this.#changed();
      },
      ended: () => { this.#forwards = this.#forwards.filter((forward) => forward.host !== name); },
    });
    const known: Known = { connection, checking: null, check: remembered?.check ?? null, problem: null };
    this.#known.set(name, known);
    return known;
  }

  #remember(name: string, { connection, check }: Known): void {
    this.#store.remember(name, { link: connection.state, check });
  }

  #changed(): void {
    if (this.#closed || this.#followers.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (this.#followers.size === 0) return;
      const state = this.state();
      let waiting = false;
      for (const follow of this.#followers) if (follow.congested()) waiting = true; else follow.push(state);
      // A slow connection gets the newest state once it has taken what it was given.
      if (waiting) this.#changed();
    }, PUSH_EVERY_MILLISECONDS);
  }
}

const ofConfig = (name: string): Host => HostSchema.parse({ name, target: { address: name } });

/** A connection of an earlier process is not held by this one. */
function atRest(remembered: LinkState | undefined): LinkState {
  const state = remembered ?? UNTRIED;
  return state.status === "connected" || state.status === "connecting" ? { ...state, status: "idle" } : state;
}
