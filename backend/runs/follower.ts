// One run as its directory tells it: events into rows, process and files into a status.
import { watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { askedIn } from "../../contract/asked.ts";
import { ExitFile, FILES, HeartbeatFile, ProcessFile } from "../../contract/runDirectory.ts";
import type { WritableDB } from "../../db/database.ts";
import { conditionRun, readProgress, type RunCondition, type RunProgress } from "../../db/runRows.ts";
import { fileStamp } from "../fileStamp.ts";
import type { RemoteView } from "../hosts/remoteView.ts";
import { EventFile, type ReadOutcome } from "./eventFile.ts";
import { processState, signalProcess } from "./processState.ts";
import { controlRequested, hasEnded } from "./runFiles.ts";
import { settle, type Departure } from "./settle.ts";
import { WatchedJson } from "./watchedJson.ts";

/** Time limits, in milliseconds of this process's monotonic clock. */
export interface Patience {
  /** A trainer that was asked to stop gets this long before SIGTERM, which asks again; `SILENCE` times as long without any event before SIGKILL. */
  stop: number;
  /** A heartbeat that does not move for this long is mentioned. */
  heartbeat: number;
  /** A directory without process.json for this long was never started. */
  start: number;
}
export const PATIENCE: Patience = { stop: 60_000, heartbeat: 60_000, start: 30_000 };

export interface Launching {
  /** Attempt of process.json before the launch: a higher one shows that the trainer has taken over. */
  previousAttempt: number;
  /** How the child ended, once it has. */
  departed: { code: number | null; signal: NodeJS.Signals | null } | null;
}

/** A checkpoint or a step of a large model may take minutes, and killing it would lose what it saves. */
const SILENCE = 5;

/** A stop that was asked for, of one attempt. */
interface Stopping { attempt: number; since: number; signals: number; hurried: boolean; events: string | null; quietSince: number }

const working = (progress: { attempt: number; stepped: boolean }, { attempt }: ProcessFile): "running" | "preparing" =>
  (progress.stepped && progress.attempt >= attempt ? "running" : "preparing");

const ENDED = { completed: "completed", stopped: "stopped" } as const;
const isOver = ({ status }: RunCondition): boolean => ["completed", "stopped", "failed"].includes(status);

export class Follower {
  readonly id: string;
  readonly run: number;
  readonly directory: string;
  /** Whether a process may still write here. */
  going = true;
  /** Whether its first step is still to come, which shows in its events alone. */
  preparing = true;
  launching: Launching | null = null;
  /** Whether events may wait: always, where nobody says that they have come. */
  waiting = true;
  /** What the link knows of a run on another machine; null for one of this machine. */
  readonly remote: RemoteView | null;
  #db: WritableDB;
  #events: EventFile;
  #patience: Patience;
  #watcher: FSWatcher | null = null;
  #stopping: Stopping | null = null;
  #heartbeat = { count: -1, since: 0 };
  #missingSince: number | null = null;
  #stamp = "";
  /** Whether all events that were there at some moment are stored. */
  #caughtUp = false;
  #process: WatchedJson<typeof ProcessFile>;
  #exit: WatchedJson<typeof ExitFile>;
  #beat: WatchedJson<typeof HeartbeatFile>;

  constructor(db: WritableDB, run: { id: string; run: number; directory: string }, patience: Patience = PATIENCE, remote: RemoteView | null = null) {
    this.#db = db;
    this.remote = remote;
    this.id = run.id;
    this.run = run.run;
    this.directory = run.directory;
    this.#patience = patience;
    this.#process = new WatchedJson(join(run.directory, FILES.process), ProcessFile);
    this.#exit = new WatchedJson(join(run.directory, FILES.exit), ExitFile);
    this.#beat = new WatchedJson(join(run.directory, FILES.heartbeat), HeartbeatFile);
    this.#events = new EventFile(db, run.run, join(run.directory, FILES.events));
  }

  /** Stores the next batch of events. */
  readBatch(): ReadOutcome {
    const outcome = this.#events.readBatch();
    this.#caughtUp ||= !outcome.more;
    this.waiting = outcome.more || !this.#announced;
    if (!this.going && !outcome.more) this.#events.rest();
    return outcome;
  }

  /** Whether a file of an idle run changed since this was asked last. */
  changedOnDisk(): boolean {
    const stamp = [FILES.events, FILES.process, FILES.exit].map((name) => fileStamp(join(this.directory, name))).join(" ");
    const changed = stamp !== this.#stamp;
    this.#stamp = stamp;
    return changed;
  }

  /** Calls `listener` at changes in the directory, where the system can watch it; polling goes on all the same. */
  watch(listener: () => void): void {
    if (this.#watcher || this.#announced) return;
    try {
      this.#watcher = watch(this.directory, { persistent: false }, listener);
      this.#watcher.on("error", () => this.unwatch());
    } catch {
      this.#watcher = null;
    }
  }

  get #announced(): boolean {
    return this.remote?.announces ?? false;
  }

  unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** Asks again for a stop: the next step of the escalation comes at once. */
  hurryStop(): void {
    if (this.#stopping) this.#stopping.hurried = true;
  }

  /** Works out how the run goes and stores it. Returns whether anything changed. Of a run that was followed to its end the last rows are there before it is said to have ended. */
  updateCondition(): boolean {
    const condition = this.#condition();
    if (this.going && this.#caughtUp && isOver(condition)) while (this.readBatch().more);
    this.going = !isOver(condition);
    this.preparing = condition.status === "starting" || condition.status === "preparing";
    if (!this.going) this.unwatch();
    return conditionRun(this.#db, this.run, condition);
  }

  #condition(): RunCondition {
    const process = this.#process.read();
    const progress = readProgress(this.#db, this.run)!;
    const base = {
      exitReason: null, statusMessage: null, endedAt: null, steps: askedIn(process?.argv ?? []).steps ?? progress.steps,
      startedAt: progress.startedAt ?? process?.startedAt ?? null, attempt: Math.max(progress.attempt, process?.attempt ?? 0),
    };
    if (this.remote) return this.#mirrored(this.remote, process, progress, base);
    if (this.launching && (process?.attempt ?? 0) > this.launching.previousAttempt) {
      // The child's end may come a moment after its exit.json, so it is remembered until the run has ended.
      if (!this.launching.departed) return this.#living(process!, progress, base);
    } else if (this.launching && !this.launching.departed) return { ...base, status: "starting" };

    const exit = this.#exit.read();
    if (hasEnded(exit, process) && !(this.launching && exit.attempt <= this.launching.previousAttempt)) {
      this.launching = null;
      return ended(exit, base);
    }
    if (this.launching?.departed) {
      const { departed, previousAttempt } = this.launching;
      this.launching = null;
      const started = (process?.attempt ?? 0) > previousAttempt;
      return this.#settled({ ...departed, cause: started || departed.signal !== null ? "gone" : "never-started", attempt: Math.max(base.attempt, previousAttempt + 1), step: progress.step }, base);
    }
    if (process) return this.#living(process, progress, base);
    this.#missingSince ??= performance.now();
    if (performance.now() - this.#missingSince < this.#patience.start) return { ...base, status: "starting" };
    return this.#settled({ code: null, signal: null, cause: "never-started", attempt: base.attempt, step: progress.step }, base);
  }

  /** A run on another machine: only its end, as it was copied from there, ends it. */
  #mirrored(remote: RemoteView, process: ProcessFile | null, progress: RunProgress, base: Omit<RunCondition, "status">): RunCondition {
    const exit = this.#exit.read(), after = remote.startedAfter ?? 0;
    if (hasEnded(exit, process) && exit.attempt > after) {
      const end = ended(exit, base);
      return remote.left === null ? end : { ...end, statusMessage: [end.statusMessage, remote.left].filter(Boolean).join(" ") };
    }
    if (remote.unreachable !== null) return { ...base, status: "unreachable", statusMessage: remote.unreachable };
    if (process === null || process.attempt <= after) return { ...base, status: "starting", statusMessage: remote.doing ?? remote.note };
    if (!remote.stopping) return { ...base, status: working(progress, process), statusMessage: remote.note ?? this.#stalled() };
    return { ...base, status: "stopping", statusMessage: remote.left ?? remote.note ?? this.#escalate(process, () => remote.escalate()) };
  }

  #living(process: ProcessFile, progress: { attempt: number; stepped: boolean; step: number }, base: Omit<RunCondition, "status">): RunCondition {
    const state = processState(process);
    if (state === "gone" || state === "rebooted") {
      // It may have written its end between the two looks.
      const exit = this.#exit.read();
      if (hasEnded(exit, process)) {
        this.launching = null;
        return ended(exit, base);
      }
      // The parent is told a moment later how it ended; that says more than its absence.
      if (this.launching && !this.launching.departed && state === "gone") return { ...base, status: "running" };
      return this.#settled({ code: null, signal: null, cause: state, attempt: base.attempt, step: progress.step }, base);
    }
    const status = controlRequested(this.directory, "stop") ? "stopping" : working(progress, process);
    if (state === "elsewhere") return { ...base, status, statusMessage: `This run was started on ${process.host}; this machine can't see whether it still goes.` };
    return { ...base, status, statusMessage: status === "stopping" ? this.#escalate(process, (signal) => signalProcess(process, signal)) : this.#stalled() };
  }

  /** A trainer that does not stop when asked is told by signals. */
  #escalate(process: ProcessFile, send: (signal: "SIGTERM" | "SIGKILL") => void): string {
    const now = performance.now(), events = fileStamp(join(this.directory, FILES.events));
    const stopping = this.#stopping?.attempt === process.attempt ? this.#stopping
      : { attempt: process.attempt, since: now, signals: 0, hurried: false, events, quietSince: now };
    this.#stopping = stopping;
    if (stopping.events !== events) Object.assign(stopping, { events, quietSince: now });
    const due = stopping.signals === 0 ? now - stopping.since >= this.#patience.stop : now - stopping.quietSince >= SILENCE * this.#patience.stop;
    if (stopping.signals < 2 && (due || stopping.hurried)) {
      stopping.hurried = false;
      send(stopping.signals++ === 0 ? "SIGTERM" : "SIGKILL");
    }
    return stopping.signals === 0 ? "Stopping after the current step, with a checkpoint." : "It did not stop when asked, and was told by a signal.";
  }

  #stalled(): string | null {
    const count = this.#beat.read()?.count ?? -1;
    if (count !== this.#heartbeat.count || count < 0) this.#heartbeat = { count, since: performance.now() };
    const silent = performance.now() - this.#heartbeat.since;
    return silent < this.#patience.heartbeat ? null : `No sign of life from the trainer for ${Math.floor(silent / 1000)} s, although its process runs; it may be stuck.`;
  }

  #settled(departure: Departure, base: Omit<RunCondition, "status">): RunCondition {
    // What the trainer still logged counts before its end is written.
    while (this.#events.readBatch().more);
    const step = readProgress(this.#db, this.run)?.step ?? departure.step;
    return ended(settle(this.directory, { ...departure, step }), base);
  }
}

function ended(exit: ExitFile, base: Omit<RunCondition, "status">): RunCondition {
  const status = exit.reason in ENDED ? ENDED[exit.reason as keyof typeof ENDED] : "failed";
  return { ...base, status, exitReason: exit.reason, statusMessage: status === "completed" ? null : exit.message, endedAt: exit.t, attempt: Math.max(base.attempt, exit.attempt) };
}
