// The connection to one host: one login that everything else shares, held open so that its end is known when it comes, and tried
// again by itself as long as nobody has to be asked.
import { isDeepStrictEqual } from "node:util";
import type { Host, LinkState, SshFailure } from "../../contract/hosts.ts";
import { PersonError } from "../personError.ts";
import type { LoginAsking } from "./askpass.ts";
import { endShared } from "./forwards.ts";
import { changedKey, strictness } from "./hostKeys.ts";
import { openChannel, runOnHost, type Channel, type SshOptions } from "./ssh.ts";

/** A person reads a fingerprint, looks for a token: as long as one question may wait, twice. */
const LOGIN_SECONDS = 300;
/** Seconds until a lost host is tried again, the last one from then on. */
const RETRY_SECONDS = [2, 4, 8, 15, 30, 60, 120, 300] as const;
/** What time alone can mend. */
const PASSING: ReadonlySet<SshFailure["kind"]> = new Set<SshFailure["kind"]>(["refused", "timeout", "no-route", "name-unknown", "proxy-failed", "closed", "other"]);
export const isPassing = ({ kind }: SshFailure): boolean => PASSING.has(kind);

/** A link that failed: the sentence with its remedy, ssh's words as detail. */
export class LinkError extends PersonError {
  readonly failure: SshFailure;
  constructor(failure: SshFailure) {
    super(`${failure.message} ${failure.remedy}`, { detail: failure.detail });
    this.failure = failure;
  }
}

export interface ConnectionHooks {
  /** Where the sockets of shared connections lie, and the configuration that ssh reads. */
  ssh(): { controlFolder: string; configFile: string | null };
  /** Lets a login ask a person. */
  ask(host: string, options: readonly string[]): Promise<LoginAsking>;
  /** The state is another one. */
  changed(state: LinkState): void;
  /** What went through the connection is gone. */
  ended(): void;
}

export class HostConnection {
  readonly host: Host;
  #state: LinkState;
  #hooks: ConnectionHooks;
  #login: { done: Promise<void>; ask: boolean } | null = null;
  /** Held open while the host is connected; it does nothing. */
  #watch: Channel | null = null;
  #retry: NodeJS.Timeout | null = null;
  #failures = 0;
  /** What only a person can mend: until somebody logs in, nothing is tried that would fail in the same way. */
  #needsPerson: SshFailure | null = null;
  #closed = false;

  constructor(host: Host, state: LinkState, hooks: ConnectionHooks) {
    this.host = host;
    this.#state = state;
    this.#hooks = hooks;
  }

  get state(): LinkState {
    return this.#state;
  }

  get #options(): SshOptions {
    return { ...this.#hooks.ssh(), name: this.host.name };
  }

  /**
   * Makes sure that there is a shared connection, logging in where there is none. `ask`: somebody can be asked for what ssh wants to
   * know; otherwise it fails where it would have to ask. @throws LinkError
   */
  async connect(ask: boolean): Promise<void> {
    // A login that asks nobody may fail where a person would have known the answer.
    if (this.#login && ask && !this.#login.ask) await this.#login.done.catch(() => {});
    await this.#loginOnce(ask, true);
  }

  /** Runs a command over the connection, or over a new one that asks nobody. Whoever opens it reads it. @throws LinkError */
  open(command: string): Channel {
    // Tried again and again in the background, it would look like an attack to the host.
    if (this.#needsPerson) throw new LinkError(this.#needsPerson);
    const channel = openChannel(this.host.target, command, this.#options);
    void channel.closed.then(({ failure }) => failure && failure.kind !== "command-missing" && this.lost(failure));
    return channel;
  }

  /** Whoever uses a channel learned that the host answers: there is a connection to be held. */
  answered(): void {
    if (!this.#watch && !this.#login && !this.#closed) this.#hold(this.#state);
  }

  /** Whoever uses a channel learned that the host can't be reached. */
  lost(failure: SshFailure): void {
    if (!this.#watch) this.#unreachable(this.#state, failure);
  }

  /** Ends the shared connection. What runs on the host goes on. */
  async end(): Promise<void> {
    this.#letGo();
    this.#hooks.ended();
    await endShared(this.#hooks.ssh().controlFolder, this.host.target);
    if (this.#state.status === "connected") this.#set({ status: "idle", since: now(), failure: null });
  }

  /** This process ends; the shared connection outlives it for a while. */
  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  #letGo(): void {
    this.#cancelRetry();
    const watch = this.#watch;
    this.#watch = null;
    watch?.kill();
  }

  /** One login at a time. `shown`: somebody waits for it; a try in the background leaves the state as it is meanwhile. */
  async #loginOnce(ask: boolean, shown: boolean): Promise<void> {
    this.#cancelRetry();
    this.#login ??= { ask, done: this.#logIn(ask, shown).finally(() => { this.#login = null; }) };
    await this.#login.done;
  }

  async #logIn(ask: boolean, shown: boolean): Promise<void> {
    if (this.#watch) return;
    const before = this.#state, { name, target } = this.host;
    if (shown) this.#set({ status: "connecting", since: now(), failure: null });
    let asking: LoginAsking | null = null;
    try {
      if (ask) asking = await this.#hooks.ask(name, await strictness(target, this.#hooks.ssh().configFile));
      const { failure, timedOut } = await runOnHost(target, "exit 0", { ...this.#options, ...(asking ? { asking } : {}) }, { seconds: LOGIN_SECONDS, limit: 64 * 1024 });
      const problem = timedOut ? slow(name) : failure && await this.#explained(failure, asking);
      if (problem) throw new LinkError(problem);
      this.#hold(before);
    } catch (error) {
      if (error instanceof LinkError) this.#unreachable(before, error.failure);
      else this.#set(before);
      throw error;
    } finally {
      asking?.end();
    }
  }

  /** Adds to a failure what ssh alone does not say: whose key changed to what, and that it was the person who declined. */
  async #explained(failure: SshFailure, asking: LoginAsking | null): Promise<SshFailure> {
    const { name, target } = this.host;
    if (failure.kind === "host-key-changed") return { ...failure, changedKey: await changedKey(target, this.#hooks.ssh().configFile, failure.detail) };
    if (asking?.declined()) return { ...failure, kind: "not-answered", message: `The login to ${name} was given up, since what ssh asked was not answered.`, remedy: "Check the host again to be asked anew." };
    if (!asking && failure.kind === "permission-denied") return { ...failure, remedy: `${failure.remedy} It was not asked now.` };
    return failure;
  }

  #hold(before: LinkState): void {
    const watch = openChannel(this.host.target, "exec cat", this.#options);
    this.#watch = watch;
    this.#failures = 0;
    this.#needsPerson = null;
    this.#cancelRetry();
    this.#set(before.status === "connected" ? before : { status: "connected", since: now(), failure: null });
    void watch.closed.then(({ failure }) => {
      if (this.#watch !== watch) return;
      this.#watch = null;
      this.#hooks.ended();
      if (!failure) return this.#set({ status: "idle", since: now(), failure: null });
      this.#unreachable(this.#state, failure);
      this.#retryLater(failure);
    });
  }

  #retryLater(failure: SshFailure): void {
    if (this.#closed || !isPassing(failure)) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      if (this.#watch || this.#login) return;
      this.#loginOnce(false, false).catch((error: unknown) => {
        if (error instanceof LinkError) this.#retryLater(error.failure);
      });
    }, RETRY_SECONDS[Math.min(this.#failures++, RETRY_SECONDS.length - 1)]! * 1000);
    this.#retry.unref();
  }

  #cancelRetry(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** "Since when" is when it was first found so. */
  #unreachable(before: LinkState, failure: SshFailure): void {
    this.#needsPerson = isPassing(failure) ? null : failure;
    this.#set({ status: "unreachable", since: before.status === "unreachable" ? before.since : now(), failure });
  }

  #set(state: LinkState): void {
    if (isDeepStrictEqual(this.#state, state)) return;
    this.#state = state;
    if (!this.#closed) this.#hooks.changed(state);
  }
}

const now = (): number => Date.now() / 1000;

const slow = (name: string): SshFailure => ({
  kind: "timeout", message: `The login to ${name} did not end within ${LOGIN_SECONDS} s.`, remedy: "Try the same in a terminal with ssh to see what it waits for.", detail: "", changedKey: null,
});
