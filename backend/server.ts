// HTTP and WebSocket on 127.0.0.1: the interface's files, two requests for the desktop shell, and the socket.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { bearsToken, refusal } from "./access.ts";
import type { Application } from "./application.ts";
import { isGoing } from "./handlers.ts";
import { toWireError } from "./personError.ts";
import { Session } from "./session.ts";
import { plain, serveStatic, setSecurityHeaders } from "./staticFiles.ts";

/** Largest message a client may send: a spec with a thousand paths fits well. */
export const MAX_MESSAGE_BYTES = 8 << 20;

export interface ServerOptions {
  application: Application;
  token: string;
  /** 0 lets the system choose. */
  port: number;
  /** Folder of the built interface. */
  renderer: string;
}

export class BackendServer {
  #http: Server;
  #sockets: WebSocketServer;
  #application: Application;
  #token: string;
  #renderer: string;

  constructor({ application, token, renderer }: Omit<ServerOptions, "port">) {
    this.#application = application;
    this.#token = token;
    this.#renderer = renderer;
    this.#http = createServer((request, response) => this.#answer(request, response));
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens on 127.0.0.1. @throws a sentence when the port is taken. */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#http.once("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "EADDRINUSE" ? new Error(`Port ${port} is taken by another program; choose another with --port, or leave it out.`) : error));
      this.#http.listen(port, "127.0.0.1", resolve);
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.close(1001, "The backend is shutting down.");
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeAllConnections();
    setTimeout(() => { for (const client of this.#sockets.clients) client.terminate(); }, 500).unref();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    setSecurityHeaders(response, this.port);
    const refused = refusal(request, this.port);
    if (refused) return plain(response, 403, refused);
    const path = (request.url ?? "/").split("?")[0];
    if (path?.startsWith("/api/")) return void this.#api(path, request, response);
    if (request.method !== "GET" && request.method !== "HEAD") return plain(response, 405, "Files can only be read.");
    serveStatic(this.#renderer, request, response);
  }

  /** For the desktop shell, which asks before it quits. */
  async #api(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" });
      response.end(JSON.stringify(value));
    };
    if (!bearsToken(request, this.#token)) return json(401, { error: { message: "The token is missing or wrong.", detail: null, issues: [] } });
    try {
      if (path === "/api/active-runs" && request.method === "GET") json(200, { runs: await this.#activeRuns() });
      else if (path === "/api/stop-all" && request.method === "POST") {
        // Those on other machines don't end with this one.
        const runs = (await this.#activeRuns()).filter(({ host }) => host === null);
        for (const { id, status } of runs) if (status !== "stopping") await this.#application.send("runs.stop", { runId: id });
        json(200, { stopping: runs.map(({ id }) => id) });
      } else json(404, { error: { message: "There is no such request.", detail: null, issues: [] } });
    } catch (error) {
      json(500, { error: toWireError(error, path) });
    }
  }

  async #activeRuns() {
    return (await this.#application.send("runs.list", {})).filter(isGoing).map(({ id, name, status, step, steps, host }) => ({ id, name, status, step, steps, host }));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const refused = refusal(request, this.port) ?? ((request.url ?? "").split("?")[0] === "/socket" ? null : "There is no such socket.");
    if (refused) {
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(refused)}\r\nConnection: close\r\n\r\n${refused}`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) => new Session(client, this.#application, this.#token));
  }
}
