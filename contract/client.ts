// The client's end of the one WebSocket: typed requests and subscriptions, reconnecting by itself. It belongs to no
// framework and opens no socket of its own: the page passes the browser's WebSocket, Node its own.
import {
  requests, subscriptions, ServerMessage,
  type Arguments, type Push, type RequestName, type Result, type SpecIssue, type Topic, type TopicArguments, type WireError,
} from "./handlers.ts";

/** The part of a WebSocket the client uses; the browser's, Node's and `ws`'s all have it. */
export interface ClientSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

/**
 * connecting: the first try. connected: welcomed by the backend. reconnecting: lost, trying again.
 * refused: the backend answered and said no (wrong token or protocol); trying again would not help. closed: by `close()`.
 */
export type ConnectionState = "connecting" | "connected" | "reconnecting" | "refused" | "closed";

export interface Connection {
  readonly state: ConnectionState;
  /** One sentence on why there is no connection; null while there is one. */
  readonly message: string | null;
  /** Version of the backend, once it has welcomed this client. */
  readonly version: string | null;
}

/** A request that failed: the message is one sentence for the person. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly detail: string | null;
  /** Mistakes in a spec, by dotted path; empty for other errors. */
  readonly issues: SpecIssue[];
  constructor(error: WireError) {
    super(error.message);
    this.detail = error.detail;
    this.issues = error.issues;
  }
}
const offline = (message: string) => new RequestError({ message, detail: null, issues: [] });

/** Close codes of the backend that say "do not try again". */
export const CLOSE_REFUSED = 4001;
export const CLOSE_PROTOCOL = 4002;

export interface ClientOptions {
  /** For example "ws://127.0.0.1:41234/socket". */
  url: string;
  token: string;
  openSocket: (url: string) => ClientSocket;
  /** Milliseconds before the n-th try to reconnect (n from 0). */
  backoff?: (attempt: number) => number;
}

/** 250 ms doubling to 5 s, with a quarter of it random so that windows do not come back in step. */
const exponentialBackoff = (attempt: number) => Math.min(5000, 250 * 2 ** attempt) * (0.75 + Math.random() * 0.5);

interface PendingRequest { name: RequestName; resolve: (value: never) => void; reject: (error: Error) => void }
interface Subscription {
  topic: Topic;
  args: Record<string, unknown>;
  onPush: (push: never) => void;
  onError: (error: RequestError) => void;
  /** Run ids pushed so far by `runs`; the first push after each (re)subscription holds all runs. */
  knownRuns: Set<string>;
  fresh: boolean;
}

export class Client {
  #options: Required<ClientOptions>;
  #socket: ClientSocket | null = null;
  #connection: Connection = { state: "connecting", message: "Connecting to the backend.", version: null };
  #listeners = new Set<(connection: Connection) => void>();
  #pending = new Map<number, PendingRequest>();
  #subscriptions = new Map<number, Subscription>();
  #nextId = 1;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ClientOptions) {
    this.#options = { backoff: exponentialBackoff, ...options };
    this.#open();
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Calls `listener` at each change of the connection. Returns the function that stops it. */
  onConnection(listener: (connection: Connection) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves once connected; rejects when the backend refuses or the client is closed. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = ({ state, message }: Connection): boolean => {
        if (state === "connected") resolve();
        else if (state === "refused" || state === "closed") reject(offline(message ?? "The connection was closed."));
        else return false;
        return true;
      };
      if (settle(this.#connection)) return;
      const stop = this.onConnection((connection) => { if (settle(connection)) stop(); });
    });
  }

  /**
   * Asks the backend. Rejects with a RequestError: at once when not connected, when the connection is lost before the
   * answer, or with the backend's own sentence.
   */
  send<K extends RequestName>(name: K, args: Arguments<K>): Promise<Result<K>> {
    if (this.#connection.state !== "connected" || !this.#socket)
      return Promise.reject(offline(this.#connection.message ?? "The backend is not connected."));
    const id = this.#nextId++;
    return new Promise<Result<K>>((resolve, reject) => {
      this.#pending.set(id, { name, resolve: resolve as PendingRequest["resolve"], reject });
      this.#transmit({ type: "request", id, name, args });
    });
  }

  /**
   * Calls `onPush` with what the backend pushes, until the returned function is called. Survives reconnects: a `run`
   * continues after its last cursor; `runs` starts with all runs, those gone meanwhile reported as removed.
   */
  subscribe<T extends Topic>(
    topic: T, args: TopicArguments<T>, onPush: (push: Push<T>) => void, onError: (error: RequestError) => void = () => {},
  ): () => void {
    const id = this.#nextId++;
    const subscription: Subscription = {
      topic, args: { ...args }, onPush: onPush as Subscription["onPush"], onError, knownRuns: new Set(), fresh: true,
    };
    this.#subscriptions.set(id, subscription);
    if (this.#connection.state === "connected") this.#transmit({ type: "subscribe", id, topic, args: subscription.args });
    return () => {
      if (this.#subscriptions.delete(id) && this.#connection.state === "connected") this.#transmit({ type: "unsubscribe", id });
    };
  }

  /** Ends the connection for good. */
  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#change({ state: "closed", message: "The connection was closed.", version: null });
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#rejectPending("The connection was closed before the answer came.");
  }

  #open(): void {
    this.#timer = null;
    const socket = this.#options.openSocket(this.#options.url);
    this.#socket = socket;
    const current = () => this.#socket === socket;
    socket.addEventListener("open", () => {
      if (current()) this.#transmit({ type: "hello", token: this.#options.token, protocol: 1 });
    });
    socket.addEventListener("message", ({ data }) => {
      if (current() && typeof data === "string") this.#receive(data);
    });
    // A close event follows each error event, and says as much as a page may know.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", ({ code, reason }) => {
      if (current()) this.#lost(code, reason);
    });
  }

  #lost(code: number, reason: string): void {
    this.#socket = null;
    const version = this.#connection.version;
    if (code === CLOSE_REFUSED || code === CLOSE_PROTOCOL)
      this.#change({ state: "refused", message: reason || "The backend refused the connection.", version });
    else {
      this.#change({
        state: version === null ? "connecting" : "reconnecting",
        message: version === null ? "The backend does not answer; trying again." : "The connection to the backend was lost; trying again.",
        version,
      });
      this.#timer = setTimeout(() => this.#open(), this.#options.backoff(this.#failures++));
    }
    this.#rejectPending("The connection to the backend was lost before the answer came; try again.");
  }

  #receive(text: string): void {
    let parsed: ReturnType<typeof ServerMessage.safeParse>;
    try {
      parsed = ServerMessage.safeParse(JSON.parse(text));
    } catch {
      return;
    }
    if (!parsed.success) return;
    const message = parsed.data;
    switch (message.type) {
      case "welcome":
        this.#failures = 0;
        this.#change({ state: "connected", message: null, version: message.version });
        for (const [id, subscription] of this.#subscriptions) {
          subscription.fresh = true;
          this.#transmit({ type: "subscribe", id, topic: subscription.topic, args: subscription.args });
        }
        return;
      case "result": return this.#answer(message.id, message.result);
      case "error": return this.#fail(message.id, new RequestError(message.error));
      case "push": return this.#push(message.id, message.push);
    }
  }

  #answer(id: number, result: unknown): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    const parsed = requests[pending.name].result.safeParse(result);
    if (parsed.success) pending.resolve(parsed.data as never);
    else pending.reject(new RequestError({
      message: `The backend's answer to ${pending.name} does not fit this version; reload the window.`, detail: parsed.error.message, issues: [],
    }));
  }

  #fail(id: number, error: RequestError): void {
    const pending = this.#pending.get(id);
    if (pending) {
      this.#pending.delete(id);
      pending.reject(error);
      return;
    }
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.onError(error);
  }

  #push(id: number, push: unknown): void {
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    const parsed = subscriptions[subscription.topic].push.safeParse(push);
    if (!parsed.success) {
      subscription.onError(new RequestError({ message: "The backend pushed rows that do not fit this version; reload the window.", detail: parsed.error.message, issues: [] }));
      return;
    }
    if (subscription.topic === "run") subscription.args = { ...subscription.args, after: (parsed.data as Push<"run">).cursor };
    if (subscription.topic === "runs") this.#trackRuns(subscription, parsed.data as Push<"runs">);
    subscription.fresh = false;
    subscription.onPush(parsed.data as never);
  }

  #trackRuns(subscription: Subscription, push: Push<"runs">): void {
    const changed = new Set(push.changed.map((run) => run.id));
    if (subscription.fresh)
      for (const id of subscription.knownRuns) if (!changed.has(id) && !push.removed.includes(id)) push.removed.push(id);
    for (const id of changed) subscription.knownRuns.add(id);
    for (const id of push.removed) subscription.knownRuns.delete(id);
  }

  #transmit(message: unknown): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #rejectPending(message: string): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) request.reject(offline(message));
  }

  #change(connection: Connection): void {
    this.#connection = connection;
    for (const listener of [...this.#listeners]) listener(connection);
  }
}
