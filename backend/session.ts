// One WebSocket connection: hello with the token first, then requests and subscriptions.
import type { WebSocket } from "ws";
import { CLOSE_PROTOCOL, CLOSE_REFUSED } from "../contract/client.ts";
import { ClientMessage, subscriptions, type ServerMessage, type Topic } from "../contract/handlers.ts";
import type { z } from "zod";
import { tokensMatch } from "./access.ts";
import type { Application } from "./application.ts";
import { PersonError, toWireError } from "./personError.ts";
import { toIssues } from "../contract/specIssues.ts";
import { VERSION } from "./version.ts";

/** Bytes waiting to be sent above which a connection counts as slow. */
const CONGESTED_BYTES = 1 << 20;
/** A connection that does not read its answers is closed at this many bytes. */
const ABANDONED_BYTES = 256 << 20;
const HELLO_MILLISECONDS = 5000;
const MAX_SUBSCRIPTIONS = 200;
/** Requests of one connection that are worked on at a time; more wait their turn. */
const MAX_REQUESTS = 64;

export class Session {
  #socket: WebSocket;
  #application: Application;
  #token: string;
  #welcomed = false;
  #following = new Map<number, () => void>();
  #requests = 0;

  constructor(socket: WebSocket, application: Application, token: string) {
    this.#socket = socket;
    this.#application = application;
    this.#token = token;
    const timer = setTimeout(() => this.#refuse(CLOSE_REFUSED, "The connection said nothing."), HELLO_MILLISECONDS);
    socket.on("message", (data, isBinary) => {
      if (isBinary) return this.#refuse(CLOSE_PROTOCOL, "Messages are JSON text.");
      this.#receive(data.toString());
      if (this.#welcomed) clearTimeout(timer);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      for (const end of this.#following.values()) end();
      this.#following.clear();
    });
    // The close that follows ends the session.
    socket.on("error", () => {});
  }

  #receive(text: string): void {
    let message: z.output<typeof ClientMessage>;
    try {
      message = ClientMessage.parse(JSON.parse(text));
    } catch {
      return this.#refuse(CLOSE_PROTOCOL, "A message was not understood; reload the window.");
    }
    if (message.type === "hello") {
      if (this.#welcomed || !tokensMatch(message.token, this.#token))
        return this.#refuse(CLOSE_REFUSED, "The token of this link is not the backend's; open the link that the running backend printed.");
      this.#welcomed = true;
      return this.#send({ type: "welcome", protocol: 1, version: VERSION });
    }
    if (!this.#welcomed) return this.#refuse(CLOSE_REFUSED, "The first message must be hello with the token.");
    if (message.type === "request") void this.#request(message.id, message.name, message.args);
    else if (message.type === "subscribe") this.#subscribe(message.id, message.topic, message.args);
    else {
      this.#following.get(message.id)?.();
      this.#following.delete(message.id);
    }
  }

  async #request(id: number, name: string, args: unknown): Promise<void> {
    if (this.#requests >= MAX_REQUESTS) return this.#fail(id, new PersonError("Too many requests are waiting on this connection; try again."), name);
    this.#requests++;
    try {
      this.#send({ type: "result", id, result: await this.#application.request(name, args) });
    } catch (error) {
      this.#fail(id, error, name);
    } finally {
      this.#requests--;
    }
  }

  #subscribe(id: number, topic: string, args: unknown): void {
    try {
      if (!Object.hasOwn(subscriptions, topic)) throw new PersonError(`This backend knows no topic "${topic}"; reload the window.`);
      if (this.#following.has(id)) throw new PersonError("A subscription with this number exists already.");
      if (this.#following.size >= MAX_SUBSCRIPTIONS) throw new PersonError(`One connection follows at most ${MAX_SUBSCRIPTIONS} things.`);
      const parsed = subscriptions[topic as Topic].args.safeParse(args);
      if (!parsed.success) throw new PersonError(`The subscription to ${topic} was not understood; reload the window.`, { issues: toIssues(parsed.error) });
      this.#following.set(id, this.#application.follow(topic as Topic, parsed.data as never, {
        push: (push) => this.#send({ type: "push", id, push }),
        congested: () => this.#socket.bufferedAmount > CONGESTED_BYTES,
        fail: (error) => {
          this.#following.delete(id);
          this.#fail(id, error, `following ${topic}`);
        },
      }));
    } catch (error) {
      this.#fail(id, error, `following ${topic}`);
    }
  }

  #fail(id: number, error: unknown, doing: string): void {
    this.#send({ type: "error", id, error: toWireError(error, doing) });
  }

  #send(message: z.input<typeof ServerMessage>): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > ABANDONED_BYTES) return this.#socket.terminate();
    this.#socket.send(JSON.stringify(message));
  }

  #refuse(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}
