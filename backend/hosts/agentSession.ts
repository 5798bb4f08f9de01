// One conversation with an agent, over a channel: requests and their answers, and what is pushed of the runs that are watched. Whatever arrives has
// been checked by its schema before anybody sees it; a host that floods or talks nonsense ends its own conversation and nothing else.
import { setTimeout as wait } from "node:timers/promises";
import type { Channel } from "./ssh.ts";
import { Allowance } from "./allowance.ts";
import { answers, Push, Reply, type Answer, type Verb } from "./agentMessages.ts";
import { BootstrapReply, type AgentProgram, type RemoteFolders } from "./installAgent.ts";
import { FrameReader, frameOf } from "./frames.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { cleanOutput } from "../runs/output.ts";

/** A request that the agent refused, or a link that ended under it: one sentence. */
export class HostError extends Error {
  /** "absent", "going", "lost", ... */
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

export interface RequestOptions { seconds?: number; onPart?: (part: unknown) => void; onAnswer?: (answer: unknown) => void }

const MAX_NOISE_BYTES = 4 << 20;
const MAX_NONSENSE = 20;
/** Events that the agent may have on their way, in bytes; it counts the same (WINDOW and CHUNK there). */
const WINDOW_BYTES = (4 << 20) + 196_608;
/** Bytes taken from one host in a slot of time: what is beyond waits, so that other work has its turn. */
const SLOT_BYTES = 4 << 20;
const SLOT_MILLISECONDS = 50;
/** What was stored is acknowledged together: a message for each push costs both sides more than the push. */
const ACKNOWLEDGE_MILLISECONDS = 40;
const PING_SECONDS = 5;
/** A link on which nothing arrives for this long, although it was pinged, is lost. */
const SILENT_SECONDS = 20;

interface Waiting { verb: Verb; resolve: (value: never) => void; reject: (error: Error) => void; onPart: RequestOptions["onPart"]; onAnswer: RequestOptions["onAnswer"]; timer: NodeJS.Timeout }

export class AgentSession {
  readonly host: string;
  /** Resolves with a sentence once the conversation is over. */
  readonly closed: Promise<string>;
  /** Whether it ended because nothing came any more: the connection under it may hang. */
  silent = false;
  /** What the agent said of itself. */
  facts!: Answer<"hello">;
  #channel: Channel;
  #frames = new FrameReader();
  #waiting = new Map<number, Waiting>();
  #watches = new Map<number, (push: Push) => void>();
  #nextId = 1;
  #bootstrap: ((reply: unknown) => void) | null = null;
  #over: string | null = null;
  #close!: (sentence: string) => void;
  #nonsense = 0;
  // A second, and at once: far more than any trainer makes, and little enough for this machine to go on with its work.
  #pushes = new Allowance(2000, 20_000);
  #pushedBytes = new Allowance(2 << 20, 64 << 20);
  /** Each is a file to be written; those that are flushed as well come once or twice in a run's life. */
  #pushedFiles = new Allowance(200, 4000);
  #flushedFiles = new Allowance(10, 2000);
  #eventBytes = new Allowance(32 << 20, 256 << 20);
  #unacknowledged = 0;
  /** Of them, what is stored and waits to be acknowledged. */
  #stored = 0;
  #slot = { at: 0, bytes: 0 };
  #heard = performance.now();
  #pinger: NodeJS.Timeout | null = null;

  private constructor(host: string, channel: Channel) {
    this.host = host;
    this.#channel = channel;
    this.closed = new Promise((resolve) => { this.#close = resolve; });
    channel.stdout.on("data", (data: Buffer) => this.#receive(data));
    channel.stdin.on("error", () => {});
    void channel.closed.then(({ failure }) => this.end(failure ? failure.message : this.#endedSentence()));
  }

  /**
   * Puts the agent onto the host where it is not there yet, and greets it.
   * @param seconds within which it must have answered; a person who is asked for a password needs some.
   * @throws HostError
   */
  static async open(host: string, channel: Channel, program: AgentProgram, folders: RemoteFolders, seconds = 45): Promise<AgentSession> {
    const session = new AgentSession(host, channel);
    const timer = setTimeout(() => session.#fallSilent(`${host} did not answer within ${seconds} s.${session.#noiseWords()}`), seconds * 1000);
    try {
      const reply = BootstrapReply.parse(await Promise.race([new Promise((resolve) => { session.#bootstrap = resolve; }), session.closed.then((sentence) => { throw new HostError(sentence, session.silent ? "silent" : "lost"); })]));
      if (reply.bootstrap === "failed") throw new HostError(clean(reply.message), "bootstrap");
      if (reply.bootstrap === "need") channel.stdin.write(program.bytes);
      session.facts = await session.request("hello", { ...folders }, { seconds });
      session.#pinger = setInterval(() => session.#ping(), PING_SECONDS * 1000);
      session.#pinger.unref();
      return session;
    } catch (error) {
      const sentence = error instanceof HostError ? error.message : `${host} answers, but not as Switchyard's agent does.`;
      session.end(sentence);
      throw error instanceof HostError ? error : new HostError(sentence, "protocol");
    } finally {
      clearTimeout(timer);
    }
  }

  get over(): boolean {
    return this.#over !== null;
  }

  /** @throws HostError with the agent's sentence, or the link's. */
  request<V extends Verb>(verb: V, args: Record<string, unknown>, { seconds = 60, onPart, onAnswer }: RequestOptions = {}): Promise<Answer<V>> {
    if (this.#over !== null) return Promise.reject(new HostError(this.#over, "lost"));
    const id = this.#nextId++;
    return new Promise<Answer<V>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new HostError(`${this.host} did not answer within ${seconds} s.`, "timeout"));
      }, seconds * 1000);
      timer.unref();
      this.#waiting.set(id, { verb, resolve: resolve as (value: never) => void, reject, onPart, onAnswer, timer });
      this.#send({ ...args, verb, id });
    });
  }

  /**
   * Watches a run from an offset of its events on. `begin` is called before the first push is taken, with whether the events have to be taken anew,
   * and the spec as text; what a push brings must be stored when `take` returns. Returns the function that ends it.
   */
  async watch(args: { directory: string; process: number; offset: number; marks: [number, number, string][] }, begin: (answer: Answer<"watch">) => void, take: (push: Push) => void): Promise<() => void> {
    const watch = this.#nextId++;
    const end = () => {
      this.#watches.delete(watch);
      if (this.#over === null) this.#send({ verb: "unwatch", watch });
    };
    try {
      // The first push may stand right behind the answer.
      await this.request("watch", { ...args, watch }, { onAnswer: (answer) => {
        begin(answer as Answer<"watch">);
        this.#watches.set(watch, take);
      } });
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Ends the conversation; requests that wait are rejected with the sentence. */
  end(sentence: string): void {
    if (this.#over !== null) return;
    this.#over = sentence;
    if (this.#pinger) clearInterval(this.#pinger);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new HostError(sentence, "lost"));
    }
    this.#waiting.clear();
    this.#watches.clear();
    this.#channel.stdout.destroy();
    this.#channel.kill();
    this.#close(sentence);
  }

  #fallSilent(sentence: string): void {
    this.silent = true;
    this.end(sentence);
  }

  #send(message: object): void {
    this.#channel.stdin.write(frameOf(message));
  }

  #ping(): void {
    if (performance.now() - this.#heard > SILENT_SECONDS * 1000) this.#fallSilent(`Nothing was heard from ${this.host} for ${SILENT_SECONDS} s.`);
    else this.request("ping", {}).catch(() => {});
  }

  #receive(data: Buffer): void {
    if (this.#over !== null) return;
    this.#heard = performance.now();
    for (const message of this.#frames.feed(data)) {
      this.#take(message);
      if (this.#over !== null) return;
    }
    if (this.#frames.noise > MAX_NOISE_BYTES) return this.end(`${this.host} sends what is no answer of Switchyard's agent.${this.#noiseWords()}`);
    this.#slowDown(data.length);
  }

  /** More than its share of a slot makes the stream wait for the next one. */
  #slowDown(bytes: number): void {
    const now = performance.now();
    if (now - this.#slot.at >= SLOT_MILLISECONDS) this.#slot = { at: now, bytes: 0 };
    this.#slot.bytes += bytes;
    if (this.#slot.bytes < SLOT_BYTES) return;
    this.#channel.stdout.pause();
    void wait(SLOT_MILLISECONDS - (now - this.#slot.at)).then(() => this.#channel.stdout.resume());
  }

  #take(message: unknown): void {
    if (this.#bootstrap) {
      const answer = this.#bootstrap;
      this.#bootstrap = null;
      return answer(message);
    }
    if (typeof message === "object" && message !== null && "watch" in message) return this.#takePush(message);
    const reply = Reply.safeParse(message);
    const waiting = reply.success ? this.#waiting.get(reply.data.id) : undefined;
    // An answer that came too late is no mistake of the agent's, but many of them are.
    if (!reply.success || !waiting) return this.#mistake("sends answers that nobody asked for");
    if ("part" in reply.data) return waiting.onPart ? waiting.onPart(reply.data.part) : this.#mistake("sends answers in parts where none are expected");
    this.#waiting.delete(reply.data.id);
    clearTimeout(waiting.timer);
    if ("error" in reply.data) return waiting.reject(new HostError(clean(reply.data.error.message), reply.data.error.code));
    const answer = answers[waiting.verb].safeParse(reply.data.ok);
    if (answer.success) {
      waiting.onAnswer?.(answer.data);
      return waiting.resolve(answer.data as never);
    }
    waiting.reject(new HostError(`${this.host} answered in a way that Switchyard's agent does not.`, "protocol"));
    this.#mistake("gives answers that Switchyard's agent does not give");
  }

  #takePush(message: unknown): void {
    const push = Push.safeParse(message);
    if (!push.success) return this.#mistake("reports on a run in a way that Switchyard's agent does not");
    const { watch, events, file, output } = push.data, bytes = events ? Buffer.byteLength(events.data, "base64") : 0;
    this.#unacknowledged += bytes;
    const late = Math.max(
      this.#pushes.take(1), this.#pushedBytes.take((file?.text.length ?? 0) + (output?.data.length ?? 0)),
      this.#pushedFiles.take(file || output ? 1 : 0), this.#flushedFiles.take(file && file.name !== FILES.heartbeat ? 1 : 0),
    );
    if (late > 0 || this.#unacknowledged > WINDOW_BYTES) return this.end(`${this.host} sends more than was asked for; the link to it was closed.`);
    this.#watches.get(watch)?.(push.data);
    if (bytes === 0) return;
    if (this.#stored === 0) setTimeout(() => this.#acknowledgeStored(), ACKNOWLEDGE_MILLISECONDS).unref();
    this.#stored += bytes;
  }

  /** What is stored makes room for more, but for no more a second than this machine can take in: the agent holds back whatever is beyond its window. */
  #acknowledgeStored(): void {
    const bytes = this.#stored;
    this.#stored = 0;
    setTimeout(() => this.#acknowledge(bytes), this.#eventBytes.take(bytes)).unref();
  }

  #acknowledge(bytes: number): void {
    if (this.#over !== null) return;
    this.#unacknowledged -= bytes;
    this.#send({ verb: "ack", bytes });
  }

  #mistake(what: string): void {
    if (++this.#nonsense >= MAX_NONSENSE) this.end(`${this.host} ${what}; the link to it was closed.`);
  }

  #endedSentence(): string {
    const said = clean(this.#channel.stderr()).split("\n").findLast((line) => line.trim() !== "");
    return said ? `The agent on ${this.host} ended: ${said.slice(0, 300)}` : `The agent on ${this.host} ended.${this.#noiseWords()}`;
  }

  /** What was printed in place of an answer, as part of a sentence. */
  #noiseWords(): string {
    const line = clean(this.#frames.noiseText).split("\n").find((text) => text.trim() !== "");
    return line ? ` It printed "${line.trim().slice(0, 120)}"; look whether a login script does that, or whether the account may run commands.` : "";
  }
}

const clean = (text: string): string => cleanOutput(text).slice(0, 2000);
