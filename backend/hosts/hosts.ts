// All hosts of a home: those added and those of ~/.ssh/config, the link to each, and what is asked on the way there.
import { rmdirSync } from "node:fs";
import type { Cluster, Forward, Host, HostCheck, HostSummary, HostsState, HostTarget, LinkState, SshFailure } from "../../contract/hosts.ts";
import { Host as HostSchema } from "../../contract/hosts.ts";
import { isDeepStrictEqual } from "node:util";
import { PersonError } from "../personError.ts";
import type { Follow } from "../subscriptions.ts";
import { Askpass, type LoginAsking } from "./askpass.ts";
import { checkHost } from "./check.ts";
import { controlFolder } from "./controlFolder.ts";
import { answers, closeForward, endShared, openForward } from "./forwards.ts";
import { changedKey, strictness } from "./hostKeys.ts";
import { HostStore } from "./hostStore.ts";
import { openChannel, runOnHost, sshConfigFile, type Channel } from "./ssh.ts";
import { configuredHosts } from "./sshConfig.ts";

const PUSH_EVERY_MILLISECONDS = 50;
/** A person reads a fingerprint, looks for a token: as long as one question may wait, twice. */
const LOGIN_SECONDS = 300;
const UNTRIED: LinkState = { status: "untried", since: null, failure: null };
/** What a lost link looks like; a refused command or login says nothing about the link. */
const LOST: ReadonlySet<SshFailure["kind"]> = new Set<SshFailure["kind"]>(["name-unknown", "refused", "timeout", "no-route", "proxy-failed", "closed", "host-key-changed", "host-key-unknown", "permission-denied", "not-answered", "no-ssh", "bad-configuration", "other"]);

/** Seconds until a lost host is tried again, the last one from then on. */
const RETRY_SECONDS = [2, 4, 8, 15, 30, 60, 120, 300] as const;
/** What time alone can mend. */
const PASSING: ReadonlySet<SshFailure["kind"]> = new Set<SshFailure["kind"]>(["refused", "timeout", "no-route", "name-unknown", "proxy-failed", "closed", "other"]);

interface Link {
  state: LinkState;
  checking: string | null;
  check: HostCheck | null;
  problem: string | null;
  login: { done: Promise<void>; ask: boolean } | null;
  /** Held open while the host is connected. */
  watch: Channel | null;
  /** The next try to reach a host that was lost. */
  retry: NodeJS.Timeout | null;
  failures: number;
}

export class Hosts {
  readonly #store: HostStore;
  readonly #home: string;
  #folder: string | null = null;
  readonly #configFile: string | null;
  readonly #askpass: Askpass;
  readonly #links = new Map<string, Link>();
  #forwards: Forward[] = [];
  readonly #followers = new Set<Follow>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

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

  /** How a process of ssh is started for these hosts, by whoever holds a channel of their own. */
  get sshOptions() {
    return { controlFolder: this.#controlFolder, configFile: this.#configFile };
  }

  state(): HostsState {
    const configured = configuredHosts(this.#configFile), added = new Set(this.#store.hosts.map(({ name }) => name));
    const hosts = [
      ...this.#store.hosts.map((host) => this.#summary(host, "added")),
      ...configured.names.filter((name) => !added.has(name)).map((name) => this.#summary(HostSchema.parse({ name, target: { address: name } }), "config")),
    ];
    return {
      hosts, clusters: [...this.#store.clusters], prompts: this.#askpass.prompts, forwards: [...this.#forwards],
      problems: [...(this.#store.problem ? [this.#store.problem] : []), ...configured.problems],
    };
  }

  #summary(host: Host, source: HostSummary["source"]): HostSummary {
    const { state, checking, check, problem } = this.#link(host.name);
    return { ...host, source, link: state, checking, check, problem };
  }

  /** @throws PersonError where there is no such host */
  host(name: string): Host {
    const added = this.#store.hosts.find((host) => host.name === name);
    if (added) return added;
    if (configuredHosts(this.#configFile).names.includes(name)) return HostSchema.parse({ name, target: { address: name } });
    throw new PersonError(`There is no host "${name}"; "switchyard hosts list" shows all, and "switchyard hosts add" adds one.`);
  }

  /** The hosts that a name stands for: one host, or the workers of a cluster in their order. @throws PersonError where it stands for none */
  workers(name: string): Host[] {
    const cluster = this.#store.clusters.find((one) => one.name === name);
    return cluster ? cluster.workers.map((worker) => this.host(worker)) : [this.host(name)];
  }

  save(host: Host): void {
    const before = this.#store.hosts.find(({ name }) => name === host.name);
    this.#store.saveHost(host);
    // What was found the old way says nothing of the new one.
    if (before && JSON.stringify(before) !== JSON.stringify(host)) void this.disconnect(host.name).finally(() => this.#forget(host.name));
    this.#changed();
  }

  async remove(name: string): Promise<void> {
    const { target } = this.host(name);
    this.#store.removeHost(name);
    await this.#end(name, target);
    this.#forget(name);
  }

  #forget(name: string): void {
    this.#links.delete(name);
    this.#store.remember(name, null);
    this.#changed();
  }

  saveCluster(cluster: Cluster): void {
    this.#store.saveCluster(cluster, new Set(this.state().hosts.map(({ name }) => name)));
    this.#changed();
  }

  removeCluster(name: string): void {
    this.#store.removeCluster(name);
    this.#changed();
  }

  answer(promptId: string, answer: string | null): void {
    this.#askpass.answer(promptId, answer);
  }

  /**
   * Makes sure that the host has a shared connection, logging in where there is none. `ask`: somebody can be asked for what ssh
   * wants to know; otherwise it fails where it would have to ask. @throws PersonError
   */
  async connect(name: string, ask: boolean): Promise<void> {
    const host = this.host(name), link = this.#link(name);
    // One that asks nobody may fail where a person would have known the answer.
    if (link.login && ask && !link.login.ask) await link.login.done.catch(() => {});
    await this.#loginOnce(host, link, ask, true);
  }

  /** One login at a time. `shown`: somebody waits for it; a try in the background leaves the host as it is meanwhile. */
  async #loginOnce(host: Host, link: Link, ask: boolean, shown: boolean): Promise<void> {
    this.#cancelRetry(link);
    link.login ??= { ask, done: this.#login(host, link, ask, shown).finally(() => { link.login = null; }) };
    await link.login.done;
  }

  async #login(host: Host, link: Link, ask: boolean, shown: boolean): Promise<void> {
    if (link.watch) return;
    const before = link.state;
    if (shown) this.#set(host.name, { status: "connecting", since: now(), failure: null });
    let asking: LoginAsking | null = null;
    try {
      if (ask) asking = await this.#askpass.begin(host.name, await strictness(host.target, this.#configFile));
      const { failure, timedOut } = await runOnHost(host.target, "exit 0", { ...this.sshOptions, name: host.name, ...(asking ? { asking } : {}) }, { seconds: LOGIN_SECONDS, limit: 64 * 1024 });
      const problem = timedOut ? slow(host.name) : failure && await this.#explained(host, failure, asking);
      if (problem) throw new LinkError(problem);
      this.#hold(host, link, before);
    } catch (error) {
      this.#set(host.name, error instanceof LinkError ? unreachable(before, error.failure) : before);
      throw error;
    } finally {
      asking?.end();
    }
  }

  /** Adds to a failure what ssh alone does not say: whose key changed to what, and that it was the person who declined. */
  async #explained(host: Host, failure: SshFailure, asking: LoginAsking | null): Promise<SshFailure> {
    if (failure.kind === "host-key-changed") return { ...failure, changedKey: await changedKey(host.target, this.#configFile, failure.detail) };
    if (asking?.declined()) return { ...failure, kind: "not-answered", message: `The login to ${host.name} was given up, since what ssh asked was not answered.`, remedy: "Check the host again to be asked anew." };
    if (!asking && failure.kind === "permission-denied") return { ...failure, remedy: `${failure.remedy} It was not asked now.` };
    return failure;
  }

  /** Keeps a channel open that does nothing, so that the end of the link is known when it comes. */
  #hold(host: Host, link: Link, before: LinkState): void {
    const watch = openChannel(host.target, "exec cat", { ...this.sshOptions, name: host.name });
    link.watch = watch;
    link.failures = 0;
    this.#cancelRetry(link);
    this.#set(host.name, before.status === "connected" ? before : { status: "connected", since: now(), failure: null });
    void watch.closed.then(({ failure }) => {
      if (link.watch !== watch) return;
      link.watch = null;
      this.#dropForwards(host.name);
      this.#set(host.name, failure ? unreachable(link.state, failure) : { status: "idle", since: now(), failure: null });
      if (failure) this.#retryLater(host.name, link, failure);
    });
  }

  /** Tries a lost host again by itself, as long as nothing has to be asked for it. */
  #retryLater(name: string, link: Link, failure: SshFailure): void {
    if (this.#closed || !PASSING.has(failure.kind)) return;
    link.retry = setTimeout(() => {
      link.retry = null;
      if (this.#links.get(name) !== link || link.watch || link.login) return;
      this.#loginOnce(this.host(name), link, false, false).catch((error: unknown) => {
        if (error instanceof LinkError) this.#retryLater(name, link, error.failure);
      });
    }, RETRY_SECONDS[Math.min(link.failures++, RETRY_SECONDS.length - 1)]! * 1000);
    link.retry.unref();
  }

  #cancelRetry(link: Link): void {
    if (link.retry) clearTimeout(link.retry);
    link.retry = null;
  }

  /**
   * Before something that a person asked for on a host or the workers of a cluster: logs in where there is no connection, asking as long
   * as somebody is there to answer. @throws PersonError for what only a person can mend; a host that is out of reach may come back
   */
  async prepare(name: string): Promise<void> {
    await Promise.all(this.workers(name).map((worker) => this.connect(worker.name, this.#followers.size > 0).catch((error: unknown) => {
      if (!(error instanceof LinkError) || !PASSING.has(error.failure.kind)) throw error;
    })));
  }

  /** Runs a command over the host's connection, or over a new one that asks nobody. Whoever opens it reads it. */
  open(name: string, command: string): Channel {
    const host = this.host(name);
    const channel = openChannel(host.target, command, { ...this.sshOptions, name });
    void channel.closed.then(({ failure }) => failure && this.report(name, failure));
    return channel;
  }

  /** Whoever uses a channel learned how the host is: null when it answered, so that a connection is there to be held. */
  report(name: string, failure: SshFailure | null): void {
    const link = this.#link(name);
    if (link.watch) return;
    if (!failure) return void (!this.#closed && link.login === null && this.#hold(this.host(name), link, link.state));
    if (LOST.has(failure.kind)) this.#set(name, unreachable(link.state, failure));
  }

  /** Logs in if need be and looks at the host. @throws PersonError where it can't be reached or understood */
  async check(name: string, ask: boolean): Promise<HostSummary> {
    const host = this.host(name), link = this.#link(name);
    if (link.checking !== null) throw new PersonError(`${name} is being checked already.`);
    const tell = (doing: string | null) => {
      link.checking = doing;
      this.#changed();
    };
    link.problem = null;
    tell("connecting");
    try {
      await this.connect(name, ask);
      const outcome = await checkHost(host, openChannel(host.target, "exec sh -s", { ...this.sshOptions, name }), tell);
      if (outcome.check) {
        link.check = outcome.check;
        this.#store.remember(name, { link: link.state, check: outcome.check });
      } else if (outcome.end.failure) throw new LinkError(outcome.end.failure);
      else {
        link.problem = outcome.reason ?? `The check of ${name} ended early; try again.`;
        throw new PersonError(link.problem);
      }
    } finally {
      tell(null);
    }
    return this.state().hosts.find((summary) => summary.name === name)!;
  }

  /** Ends the held connection; what runs on the host goes on. */
  async disconnect(name: string): Promise<void> {
    await this.#end(name, this.host(name).target);
  }

  async #end(name: string, target: HostTarget): Promise<void> {
    const link = this.#link(name), { watch } = link;
    this.#cancelRetry(link);
    link.watch = null;
    watch?.kill();
    this.#dropForwards(name);
    await endShared(this.#controlFolder, target);
    if (link.state.status === "connected") this.#set(name, { status: "idle", since: now(), failure: null });
  }

  async openForward(name: string, port: number, label: string): Promise<Forward> {
    const { target } = this.host(name);
    const there = this.#forwards.find((forward) => forward.host === name && forward.remotePort === port);
    if (there) {
      const again = { ...there, answers: await answers(there.localPort) };
      this.#forwards = this.#forwards.map((forward) => (forward.id === there.id ? again : forward));
      this.#changed();
      return again;
    }
    await this.connect(name, true);
    const forward = await openForward(this.#controlFolder, target, name, port, label);
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

  #dropForwards(name: string): void {
    this.#forwards = this.#forwards.filter(({ host }) => host !== name);
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
    for (const link of this.#links.values()) {
      const { watch } = link;
      this.#cancelRetry(link);
      link.watch = null;
      watch?.kill();
    }
    // Forwarded ports would otherwise stay for as long as the shared connection does.
    await Promise.all(this.#forwards.map((forward) => closeForward(this.#controlFolder, this.host(forward.host).target, forward).catch(() => {})));
    await this.#askpass.close();
    try {
      if (this.#folder) rmdirSync(this.#folder);
    } catch {
      // A shared connection lives on in it.
    }
  }

  #link(name: string): Link {
    let link = this.#links.get(name);
    if (!link) {
      const remembered = this.#store.remembered(name), state = remembered?.link ?? UNTRIED;
      // A connection of an earlier process is not held by this one.
      link = { state: state.status === "connected" || state.status === "connecting" ? { ...state, status: "idle" } : state, checking: null, check: remembered?.check ?? null, problem: null, login: null, watch: null, retry: null, failures: 0 };
      this.#links.set(name, link);
    }
    return link;
  }

  #set(name: string, state: LinkState): void {
    const link = this.#link(name);
    if (isDeepStrictEqual(link.state, state)) return;
    link.state = state;
    if (!this.#closed && state.status !== "connecting") this.#store.remember(name, { link: state, check: link.check });
    this.#changed();
  }

  #changed(): void {
    if (this.#closed || this.#followers.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (this.#followers.size === 0) return;
      const state = this.state();
      // A slow connection gets the newest state later, with the next change.
      for (const follow of this.#followers) if (!follow.congested()) follow.push(state);
    }, PUSH_EVERY_MILLISECONDS);
  }
}

/** A link that failed: the sentence with its remedy, ssh's words as detail. */
export class LinkError extends PersonError {
  readonly failure: SshFailure;
  constructor(failure: SshFailure) {
    super(`${failure.message} ${failure.remedy}`, { detail: failure.detail });
    this.failure = failure;
  }
}

const now = (): number => Date.now() / 1000;

/** "Since when" is when it was first found so. */
function unreachable(before: LinkState, failure: SshFailure): LinkState {
  return { status: "unreachable", since: before.status === "unreachable" ? before.since : now(), failure };
}

const slow = (name: string): SshFailure => ({
  kind: "timeout", message: `The login to ${name} did not end within ${LOGIN_SECONDS} s.`, remedy: "Try the same in a terminal with ssh to see what it waits for.", detail: "", changedKey: null,
});
