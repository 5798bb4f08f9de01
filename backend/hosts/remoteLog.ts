// Another trainer's log on a host, read on as it grows: its bytes are copied, and imported from the copy as a log of this machine is.
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import { RemoteLogFile } from "../../contract/remoteRun.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { writeJson } from "../atomicFile.ts";
import type { Home } from "../home.ts";
import { fileStamp } from "../fileStamp.ts";
import { eventFiles, type FoundLog } from "../imports/findLogs.ts";
import { LogImport, type LogSource } from "../imports/importLog.ts";
import { readJson } from "../../trainer/run/jsonFile.ts";
import { HostError } from "./agentSession.ts";
import type { HostLink } from "./hostLink.ts";
import { copyLog, LOG_FOLDER, TEXT_LOG } from "./logCopy.ts";
import type { RemoteView } from "./remoteView.ts";
import { clock } from "./clock.ts";

export const REMOTE_LOG_FILE = "remote-log.json";
const LOOK_EVERY_MILLISECONDS = 1000;
const TRY_AGAIN_MILLISECONDS = 10_000;

export const readRemoteLog = (directory: string): RemoteLogFile | null => readJson(join(directory, REMOTE_LOG_FILE), RemoteLogFile);

/** The log as an import knows it: by where it lies on which host. */
export const foundLog = ({ host, path, format, evaluation }: RemoteLogFile): FoundLog => ({ format, path: `${host}:${path}`, name: path.split("/").filter(Boolean).slice(-2).join("/").slice(-200) || path, evaluation });

export const remoteSource = (file: RemoteLogFile): LogSource => ({
  folder: (directory) => join(directory, LOG_FOLDER), names: (folder) => (file.format === "tensorboard" ? eventFiles(folder) : [TEXT_LOG]), files: { [REMOTE_LOG_FILE]: file },
});

export class RemoteLog implements RemoteView {
  readonly id: string;
  readonly directory: string;
  readonly announces = false;
  readonly startedAfter = null;
  readonly doing = null;
  readonly left = null;
  readonly stopping = false;
  file: RemoteLogFile;
  note: string | null = null;
  /** Whether everything that the host has had been read when it was looked at last. */
  copied = false;
  #home: Home;
  #link: (host: string) => HostLink;
  #changed: () => void;
  #abort: AbortController | null = null;
  #following: Promise<void> | null = null;

  constructor(id: string, home: Home, file: RemoteLogFile, link: (host: string) => HostLink, changed: () => void) {
    this.id = id;
    this.directory = join(home.runs, id);
    this.file = file;
    this.#home = home;
    this.#link = link;
    this.#changed = changed;
  }

  get place(): string {
    return this.file.host;
  }
  get host(): string {
    return this.file.host;
  }
  get following(): boolean {
    return this.#following !== null;
  }
  get unreachable(): string | null {
    if (this.#following === null) return `Not connected to ${this.host} now.`;
    const { state, since, reason } = this.#link(this.host).condition;
    return state === "lost" ? `Unreachable since ${clock(since)}: ${reason ?? "the link was lost."} The log is read on once the link is back.` : null;
  }

  escalate(): void {}

  follow(): void {
    if (this.#following || !this.file.following) return;
    this.#abort = new AbortController();
    const following: Promise<void> = this.#follow(this.#abort.signal).catch((error: Error) => { this.note = error.message; }).finally(() => {
      if (this.#following === following) this.#following = null;
      this.#changed();
    });
    this.#following = following;
  }

  async leave(): Promise<void> {
    this.#abort?.abort();
    await this.#following;
  }

  /** Reads no further; what was read stays. */
  async detach(): Promise<void> {
    this.#write({ following: false });
    await this.leave();
  }

  attach(): void {
    this.#write({ following: true });
    this.follow();
    this.#changed();
  }

  #write(change: Partial<RemoteLogFile>): void {
    this.file = { ...this.file, ...change };
    writeJson(join(this.directory, REMOTE_LOG_FILE), this.file);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { metrics, columns, path, format } = this.file, release = this.#link(this.host).lease();
    const log = await LogImport.open(this.#home, foundLog(this.file), { metrics, columns }, remoteSource(this.file));
    try {
      log.begin();
      for (let read = fileStamp(join(this.directory, FILES.events)) !== null; !signal.aborted;) {
        try {
          const session = await this.#link(this.host).connected(signal);
          if (await copyLog(session, path, format, join(this.directory, LOG_FOLDER)) > 0 || !read) log.read();
          read = this.copied = true;
          this.#say(null);
          await wait(LOOK_EVERY_MILLISECONDS, undefined, { signal });
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof HostError && error.code === "lost") continue;
          this.#say((error as Error).message);
          await wait(TRY_AGAIN_MILLISECONDS, undefined, { signal }).catch(() => {});
        }
      }
    } finally {
      log.end();
      release();
    }
  }

  #say(note: string | null): void {
    if (this.note === note) return;
    this.note = note;
    this.#changed();
  }
}
