// One mirrored run: it is watched for as long as it goes, through any number of lost links, started, stopped and asked for checkpoints.
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Asked } from "../../contract/asked.ts";
import type { RemoteFile, RemoteLaunch } from "../../contract/remoteRun.ts";
import { FILES, type ExitFile } from "../../contract/runDirectory.ts";
import { HostError, type AgentSession } from "./agentSession.ts";
import { RunSpec } from "../../contract/runSpec.ts";
import { cleanOutput } from "../runs/output.ts";
import { hasEnded, readExit, readProcess, writeExit } from "../runs/runFiles.ts";
import { clock } from "./clock.ts";
import type { HostLink } from "./hostLink.ts";
import { jobNote } from "./jobNote.ts";
import { Mirror, type MirrorHooks } from "./mirror.ts";
import { readRemote, writeRemote } from "./remoteFile.ts";
import type { RemoteView } from "./remoteView.ts";
import { endWorkers, reachedBy, STRAGGLE_SECONDS, stillGoing, type ReachWorker } from "./workers.ts";

export interface RemoteHooks extends MirrorHooks {
  link(host: string): HostLink;
  /** Sends what a start needs to each worker and starts it; says what it does. */
  launch(run: RemoteRun, launch: RemoteLaunch, say: (doing: string) => void): Promise<string>;
}

const TRY_AGAIN_MILLISECONDS = 10_000;
/** Beginnings in a row that bring nothing. */
const MAX_BEGINNINGS = 5;

export class RemoteRun implements RemoteView {
  readonly id: string;
  /** Of the mirror. */
  readonly directory: string;
  readonly announces = true;
  file: RemoteFile;
  doing: string | null = null;
  left: string | null = null;
  #hooks: RemoteHooks;
  #mirror: Mirror;
  #abort: AbortController | null = null;
  #following: Promise<void> | null = null;
  #escalated = false;

  constructor(id: string, directory: string, file: RemoteFile, hooks: RemoteHooks) {
    this.id = id;
    this.directory = directory;
    this.file = file;
    this.#hooks = hooks;
    this.#mirror = new Mirror(directory, hooks);
  }

  // What the follower asks.

  get place(): string {
    return this.file.cluster ?? this.host;
  }
  /** Where its directory is written. */
  get host(): string {
    return this.file.workers[0]!.host;
  }
  get startedAfter(): number | null {
    return this.file.launch?.previousAttempt ?? null;
  }
  get stopping(): boolean {
    return this.#mirror.control.includes("stop") || this.#escalated;
  }
  get note(): string | null {
    const job = this.#mirror.job && jobNote(this.#mirror.job, this.host);
    if (job) return job;
    if (this.#mirror.process === "elsewhere") return `Its process runs on another machine than ${this.host}, which can't see whether it still goes.`;
    return this.#mirror.problem;
  }

  get unreachable(): string | null {
    const { state, since, reason } = this.#link.condition;
    if (!this.file.detached && this.#following !== null && this.#mirror.process !== "absent" && state !== "lost") return null;
    const heard = this.#mirror.lastHeard(), last = heard === null ? "" : ` Last heard of ${clock(heard)}.`;
    if (this.file.detached) return `Detached: the run on ${this.place} was left alone.${last} Attach to it again to watch it.`;
    const pending = this.file.launch?.state === "pending", meanwhile = pending ? "It is started once the link is there; stop it to call that off." : "The run itself is left alone.";
    if (this.#following === null) return `Not connected to ${this.place} now.${pending ? ` ${meanwhile}` : last}`;
    if (this.#mirror.process === "absent") return `Its folder ${cleanOutput(this.file.directory ?? "")} is no longer on ${this.host}; what was copied is still shown.`;
    return `Unreachable since ${clock(Math.max(since, heard ?? 0))}: ${reason ?? "the link was lost."} ${meanwhile}`;
  }

  /** Steps whose checkpoints lie on the host; null where nobody has told. */
  get checkpoints(): readonly number[] | null {
    return this.#mirror.checkpoints;
  }
  /** Whether everything that the host has is here. */
  get copied(): boolean {
    return this.#mirror.copied;
  }
  get following(): boolean {
    return this.#following !== null;
  }

  // What a person does.

  /** Watches it from now on, until it has ended. */
  follow(): void {
    if (this.#following || this.file.detached) return;
    const abort = new AbortController();
    this.#abort = abort;
    const following: Promise<void> = this.#follow(abort.signal).catch(() => {}).finally(() => {
      if (this.#following !== following) return;
      this.#following = null;
      this.#mirror.close();
      this.#hooks.changed();
    });
    this.#following = following;
  }

  /** Lets go of it. What happens on the host goes on. */
  async leave(): Promise<void> {
    this.#abort?.abort();
    await this.#following;
  }

  async detach(): Promise<void> {
    this.#write({ detached: true });
    await this.leave();
    this.#hooks.changed();
  }

  attach(): void {
    this.#write({ detached: false });
    this.follow();
    this.#hooks.changed();
  }

  /** Starts the trainer, at first or to go on; it is done as soon as the link allows, and once. */
  start({ steps, mesh }: Asked, more: Pick<RemoteLaunch, "from" | "data"> & Partial<Pick<RemoteLaunch, "found">>): void {
    const previousAttempt = readProcess(this.directory)?.attempt ?? 0;
    // The end of an attempt that never began has the number of the one that is asked for now.
    if ((readExit(this.directory)?.attempt ?? 0) > previousAttempt) rmSync(join(this.directory, FILES.exit));
    this.#write({ detached: false, launch: { key: randomBytes(16).toString("hex"), state: "pending", steps, mesh, found: false, ...more, previousAttempt } });
    this.left = this.#mirror.problem = this.#mirror.process = this.#mirror.job = null;
    this.#escalated = false;
    this.doing = null;
    if (this.#following) void this.leave().then(() => this.follow());
    else this.follow();
  }

  /** Asks the trainer, or ends it where it was asked before. @throws HostError */
  async stop(): Promise<void> {
    const { launch } = this.file;
    if (launch?.state === "pending") {
      this.#write({ launch: { ...launch, state: "cancelled" } });
      this.doing = null;
      if (this.#following) void this.leave().then(() => this.follow());
      else this.follow();
      return this.#hooks.changed();
    }
    if (this.stopping) return this.escalate();
    await this.#ask("stop");
    this.#mirror.control = ["stop"];
    this.#hooks.changed();
  }

  checkpoint(): Promise<void> {
    return this.#ask("checkpoint");
  }

  escalate(): void {
    if (this.#escalated) return;
    this.#escalated = true;
    void endWorkers(this.#reach, this.file.workers).then((left) => { this.left = left; }, (error: Error) => {
      this.#escalated = false;
      this.#mirror.problem = error.message;
    }).finally(() => this.#hooks.changed());
  }

  /** The conversation with the host that its directory lies on. @throws HostError */
  async session(): Promise<{ session: AgentSession; directory: string }> {
    return { session: await this.#link.session(), directory: this.#there };
  }

  get #link(): HostLink {
    return this.#hooks.link(this.host);
  }

  #write(change: Partial<RemoteFile>): void {
    this.file = { ...this.file, ...change };
    writeRemote(this.directory, this.file);
  }

  async #ask(control: "stop" | "checkpoint"): Promise<void> {
    const { session, directory } = await this.session();
    await session.request("ask", { directory, process: 0, control });
  }

  get #there(): string {
    if (this.file.directory === null) throw new HostError(`The run has not been started on ${this.place} yet.`, "absent");
    return this.file.directory;
  }

  /** Workers may have other homes, so each knows the run's folder by another path. */
  readonly #reach: ReachWorker = async ({ host, process }) => {
    const session = await this.#hooks.link(host).session();
    return { session, directory: (process === 0 ? this.file.directory : null) ?? `${session.facts.runs}/${this.id}` };
  };

  // Following.

  async #follow(signal: AbortSignal): Promise<void> {
    const release = this.#link.lease();
    let beginnings = 0;
    try {
      while (!signal.aborted) {
        const session = await this.#link.connected(signal);
        try {
          if (this.file.launch?.state === "cancelled" && await this.#cancel(this.file.launch)) return;
          if (this.file.launch?.state === "pending") await this.#launch(this.file.launch, signal);
          const before = this.#mirror.bytes, outcome = await this.#mirror.watch(session, this.#there, this.startedAfter ?? 0, signal);
          if (outcome === "ended") return void await this.#endStragglers();
          beginnings = this.#mirror.bytes === before ? beginnings + 1 : 0;
          if (beginnings >= MAX_BEGINNINGS && !signal.aborted) throw new Error(`The events that ${this.host} sends do not follow each other, so they were not taken; they are asked for again.`);
        } catch (error) {
          if (signal.aborted) return;
          // The link to another worker may be the one that is lost: that is no reason to hurry.
          if (error instanceof HostError && error.code === "lost" && this.#link.condition.state !== "connected") continue;
          if (error instanceof HostError && error.code === "absent") this.#mirror.process = "absent";
          else this.#mirror.problem = (error as Error).message;
          this.#hooks.changed();
          await wait(TRY_AGAIN_MILLISECONDS, undefined, { signal }).catch(() => {});
        }
      }
    } finally {
      release();
    }
  }

  async #launch(launch: RemoteLaunch, signal: AbortSignal): Promise<void> {
    try {
      const directory = await this.#hooks.launch(this, launch, (doing) => {
        this.doing = doing;
        this.#hooks.changed();
      });
      if (signal.aborted || this.file.launch?.key !== launch.key || this.file.launch.state !== "pending") return;
      this.#write({ directory, launch: { ...launch, state: "started" } });
    } catch (error) {
      if (signal.aborted || (error instanceof HostError && ["lost", "timeout", "later"].includes(error.code))) throw error;
      // Somebody else was quicker where it was found: theirs is watched, whatever its attempt.
      if (launch.found && error instanceof HostError && error.code === "going") return this.#write({ launch: { ...launch, state: "ended", previousAttempt: 0 } });
      // It can't be started as it is: said as its end, and another start is the person's to ask for.
      this.#write({ launch: { ...launch, state: "cancelled" } });
      this.#end(launch, "crashed", `The run was not started: ${(error as Error).message}`);
      throw error;
    } finally {
      this.doing = null;
      this.#hooks.changed();
    }
  }

  /** A start that was called off. Whether the host had it all the same is only known there. Returns whether there is nothing to watch. */
  async #cancel(launch: RemoteLaunch): Promise<boolean> {
    if (hasEnded(readExit(this.directory), readProcess(this.directory)) && readExit(this.directory)!.attempt > launch.previousAttempt) return true;
    const reached = await reachedBy(this.#reach, this.file.workers, launch.key);
    for (const { worker, directory } of reached) if (worker.process === 0) this.#write({ directory });
    const going = reached.filter(({ alive }) => alive).map(({ worker }) => worker);
    if (going.length > 0) this.left = await endWorkers(this.#reach, going);
    if (reached.length > 0) return false;
    this.#end(launch, "stopped", `Stopped before it was started on ${this.place}.`);
    return true;
  }

  #end({ previousAttempt }: RemoteLaunch, reason: ExitFile["reason"], message: string): void {
    writeExit(this.directory, { v: 1, attempt: previousAttempt + 1, reason, code: reason === "stopped" ? 0 : 1, step: 0, t: Date.now() / 1000, message, detail: null, by: "backend" });
    this.#hooks.changed();
  }

  /** Sees to it that the run's end is the end of all its workers. */
  async #endStragglers(): Promise<void> {
    if (this.file.launch?.state !== "started") return;
    const going = await stillGoing(this.#reach, this.file.workers, STRAGGLE_SECONDS);
    if (going.length > 0) this.left = await endWorkers(this.#reach, going);
    this.#write({ launch: { ...this.file.launch, state: "ended" } });
  }
}

/** The mirror in a directory; null where there is none that can be read. */
export function openRemote(id: string, directory: string, hooks: RemoteHooks): RemoteRun | null {
  const file = readRemote(directory);
  return file && new RemoteRun(id, directory, file, hooks);
}

/** A spec as a host tells it. */
export function specOf(text: string | null): RunSpec | null {
  try {
    const parsed = RunSpec.safeParse(JSON.parse(text ?? ""));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
