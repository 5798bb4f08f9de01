// The link to one host: made when it is needed, made again when it is lost, at growing intervals or at once when a person asks.
import type { Channel } from "./ssh.ts";
import { AgentSession, HostError } from "./agentSession.ts";
import { agentCommand, agentProgram, foldersOf } from "./installAgent.ts";

/** How a host is reached. */
export interface Reach {
  /** Starts ssh with a command, or throws a sentence. */
  open(command: string): Channel;
  /** Told when the host was reached, and with true when a connection hangs: what others share of it is then ended as well. */
  told?(hangs: boolean): void;
  /** Interpreter there that runs the agent and the trainer. */
  python: string;
  /** Folder of run directories there. */
  runs: string;
}

export interface LinkCondition {
  state: "idle" | "connecting" | "connected" | "lost";
  /** Unix seconds. */
  since: number;
  /** Why it is lost: a sentence. */
  reason: string | null;
}

const RETRY_SECONDS = [1, 2, 4, 8, 15, 30, 60] as const;
/** A link that nobody needs any more is kept this long. */
const IDLE_SECONDS = 60;
/** A link that lasted this long had been a good one: the next attempt comes soon. */
const GOOD_SECONDS = 30;

export class HostLink {
  readonly host: string;
  condition: LinkCondition = { state: "idle", since: Date.now() / 1000, reason: null };
  #reach: () => Reach | Promise<Reach>;
  #changed: () => void;
  #session: AgentSession | null = null;
  #opening: Promise<AgentSession> | null = null;
  #leases = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | null = null;
  #idle: NodeJS.Timeout | null = null;
  #waiters = new Set<() => void>();
  #closed = false;

  constructor(host: string, reach: () => Reach | Promise<Reach>, changed: () => void) {
    this.host = host;
    this.#reach = reach;
    this.#changed = changed;
  }

  /** The conversation with the host's agent, begun where there is none. @throws HostError */
  session(): Promise<AgentSession> {
    if (this.#closed) return Promise.reject(new HostError("Switchyard is ending.", "lost"));
    if (this.#session && !this.#session.over) return Promise.resolve(this.#session);
    this.#cancelRetry();
    this.#opening ??= this.#open().finally(() => { this.#opening = null; });
    return this.#opening;
  }

  /** The same, however long it takes. @throws when aborted */
  async connected(signal: AbortSignal): Promise<AgentSession> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#session && !this.#session.over) return this.#session;
      if (!this.#opening && !this.#retry) this.session().catch(() => {});
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#waiters.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#waiters.add(done);
        signal.addEventListener("abort", done);
      });
    }
  }

  /** Keeps the link up until the returned function is called. */
  lease(): () => void {
    this.#leases++;
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#leases === 0) this.#rest();
    };
  }

  /** Tries again now, whatever the interval. */
  connectNow(): Promise<AgentSession> {
    this.#failures = 0;
    return this.session();
  }

  /** The host answers again: what is waited for is tried now. */
  wake(): void {
    if (this.condition.state === "lost" && this.#leases > 0) this.connectNow().catch(() => {});
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    if (this.#idle) clearTimeout(this.#idle);
    this.#session?.end("Switchyard is ending.");
    for (const done of [...this.#waiters]) done();
  }

  async #open(): Promise<AgentSession> {
    const began = Date.now() / 1000;
    // Who was unreachable stays so, since then, until it is reached.
    if (this.condition.state !== "lost") this.#become({ state: "connecting", since: began, reason: null });
    try {
      const reach = await this.#reach(), program = agentProgram(), folders = foldersOf(reach.runs);
      const session = await AgentSession.open(this.host, reach.open(agentCommand(program, reach.python, folders)), program, folders).catch((error: unknown) => {
        if (error instanceof HostError && error.code === "silent") reach.told?.(true);
        throw error;
      });
      reach.told?.(false);
      if (this.#closed) {
        session.end("Switchyard is ending.");
        throw new HostError("Switchyard is ending.", "lost");
      }
      this.#session = session;
      this.#become({ state: "connected", since: Date.now() / 1000, reason: null });
      void session.closed.then((sentence) => {
        if (session.silent) reach.told?.(true);
        this.#lost(sentence, Date.now() / 1000);
      });
      if (this.#leases === 0) this.#rest();
      return session;
    } catch (error) {
      const failure = error instanceof HostError ? error : new HostError((error as Error).message, "lost");
      this.#lost(failure.message, began);
      throw failure;
    }
  }

  #lost(reason: string, since: number): void {
    const { state, since: before } = this.condition;
    this.#session = null;
    if (this.#closed) return;
    if (state === "connected" && since - before > GOOD_SECONDS) this.#failures = 0;
    if (this.#leases === 0) return this.#become({ state: "idle", since, reason });
    this.#become({ state: "lost", since: state === "lost" ? before : since, reason });
    this.#cancelRetry();
    const seconds = RETRY_SECONDS[Math.min(this.#failures++, RETRY_SECONDS.length - 1)]!;
    // Spread out, so that a cluster's hosts are not asked all in the same moment.
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.session().catch(() => {});
    }, seconds * 1000 * (0.75 + Math.random() / 2));
    this.#retry.unref();
  }

  #rest(): void {
    this.#cancelRetry();
    if (!this.#session) {
      if (this.condition.state === "lost") this.#become({ ...this.condition, state: "idle" });
      return;
    }
    const session = this.#session;
    this.#idle = setTimeout(() => { if (this.#leases === 0) session.end("Nobody needed the link."); }, IDLE_SECONDS * 1000);
    this.#idle.unref();
  }

  #become(condition: LinkCondition): void {
    this.condition = condition;
    this.#changed();
    if (condition.state !== "connecting") for (const done of [...this.#waiters]) done();
  }

  #cancelRetry(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }
}
