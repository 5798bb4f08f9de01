// What a host tells of a run, as it comes: its files are copied, and how its process does is known.
import { FILES } from "../../contract/runDirectory.ts";
import { cleanOutput } from "../runs/output.ts";
import { hasEnded, readExit, readProcess } from "../runs/runFiles.ts";
import type { Push, RemoteProcess } from "./agentMessages.ts";
import { HostError, type AgentSession } from "./agentSession.ts";
import { MirrorFiles, OutOfStep } from "./mirrorFiles.ts";
import { STRAGGLE_SECONDS } from "./workers.ts";

export interface MirrorHooks {
  /** Something that the run's status depends on changed. */
  changed(): void;
  /** Events were copied, which wait to be read. */
  arrived(): void;
  /** The copied events were emptied; the caller forgets what it read of them before this returns. */
  emptied(): void;
}

/** What a trainer still prints after its end is waited for this long. */
const LAST_WORDS_MILLISECONDS = 2500;
const KNOWN_CHECKPOINTS = 1000;
const TOGETHER_MILLISECONDS = 50;

export class Mirror {
  readonly directory: string;
  process: RemoteProcess | null = null;
  /** What its trainer has been asked and has not done yet. */
  control: readonly string[] = [];
  job: Push["job"] | null = null;
  /** A sentence. */
  problem: string | null = null;
  /** Steps whose checkpoints lie on the host; null where nobody has told. */
  checkpoints: readonly number[] | null = null;
  /** Whether everything that the host has is here. */
  copied = false;
  #hooks: MirrorHooks;
  #files: MirrorFiles;
  #telling: NodeJS.Timeout | null = null;

  constructor(directory: string, hooks: MirrorHooks) {
    this.directory = directory;
    this.#hooks = hooks;
    this.#files = new MirrorFiles(directory);
  }

  /** Of events that are here. */
  get bytes(): number {
    return this.#files.size;
  }
  /** Unix seconds of the newest thing that was copied; null where nothing was. */
  lastHeard = (): number | null => this.#files.lastHeard();
  close = (): void => this.#files.close();

  /** Copies the run in a directory of the host until an attempt after `after` has ended, the link is lost, or the original turns out to be another file. @throws HostError */
  async watch(session: AgentSession, there: string, after: number, signal: AbortSignal): Promise<"ended" | "again"> {
    const { promise, resolve, reject } = Promise.withResolvers<"ended" | "again">();
    promise.catch(() => {});
    const position = this.#files.open();
    this.copied = false;
    const abandon = () => resolve("again");
    signal.addEventListener("abort", abandon);
    void session.closed.then((sentence) => reject(new HostError(sentence, "lost")));
    let ending: { wait: number; timer: NodeJS.Timeout } | null = null, over = false;
    let end = () => {};
    session.watch({ directory: there, process: 0, ...position }, ({ anew }) => {
      this.problem = this.process = null;
      if (signal.aborted || !anew || position.offset === 0) return;
      this.#files.empty();
      this.#hooks.emptied();
    }, (push) => {
      // Let go of meanwhile, or begun anew: what still comes of it belongs to nobody.
      if (over) return;
      try {
        if (this.#take(push, session.host) === "again") return resolve("again");
      } catch (error) {
        return error instanceof OutOfStep ? resolve("again") : reject(error as Error);
      }
      if (!push.file && !push.state && !push.caughtUp) return;
      const wait = !this.copied || !this.#over(after) ? null : this.process === "alive" ? STRAGGLE_SECONDS * 1000 : LAST_WORDS_MILLISECONDS;
      if (wait === ending?.wait) return;
      clearTimeout(ending?.timer);
      ending = wait === null ? null : { wait, timer: setTimeout(() => resolve("ended"), wait) };
    }).then((stop) => {
      end = stop;
      if (over) stop();
      else this.#hooks.changed();
    }, reject);
    try {
      return await promise;
    } finally {
      over = true;
      clearTimeout((ending as { timer: NodeJS.Timeout } | null)?.timer);
      signal.removeEventListener("abort", abandon);
      end();
      this.#files.close();
    }
  }

  #over(after: number): boolean {
    const exit = readExit(this.directory);
    return hasEnded(exit, readProcess(this.directory)) && exit.attempt > after;
  }

  /** Stores what a push brings. */
  #take(push: Push, host: string): "again" | null {
    if (push.replaced) return "again";
    if (push.events) {
      this.#files.append(push.events.offset, push.events.data);
      this.#hooks.arrived();
    }
    if (push.output) this.#files.output(push.output.data, push.output.fresh);
    if (push.checkpoints) this.checkpoints = push.checkpoints.slice(-KNOWN_CHECKPOINTS);
    if (push.file) this.#files.store(push.file.name, push.file.text);
    if (push.state) this.process = push.state;
    if (push.job) this.job = push.job;
    if (push.control) this.control = push.control;
    if (push.caughtUp) this.copied = true;
    if (push.problem) this.problem = `${host} could not read the run's folder: ${cleanOutput(push.problem)}`;
    // A heartbeat is looked at when it is due.
    if (push.state || push.job || push.control || push.caughtUp || push.problem || (push.file && push.file.name !== FILES.heartbeat)) this.#tellSoon();
    return null;
  }

  /** Of many changes in a short time only what came of them counts. */
  #tellSoon(): void {
    if (this.#telling) return;
    this.#telling = setTimeout(() => {
      this.#telling = null;
      this.#hooks.changed();
    }, TOGETHER_MILLISECONDS);
  }
}
