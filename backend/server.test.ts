// The door: who is let in, what is served, and what a running backend keeps doing.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { Client, CLOSE_PROTOCOL, CLOSE_REFUSED, RequestError, type Connection } from "../contract/client.ts";
import type { Push } from "../contract/handlers.ts";
import { temporaryHome, until } from "./fixtures/temporaryHome.ts";
import { writeRun } from "./fixtures/writeRun.ts";
import type { Home } from "./home.ts";
import { MAX_MESSAGE_BYTES } from "./server.ts";

const SERVE = fileURLToPath(new URL("./serve.ts", import.meta.url));
interface Ready { ready: true; port: number; token: string; pid: number; url: string }
const children: ChildProcess[] = [];

async function serve(home: Home, ...more: string[]): Promise<Ready & { child: ChildProcess }> {
  const child = spawn(process.execPath, [SERVE, "--home", home.directory, "--renderer", join(home.directory, "renderer"), ...more], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(child.stdout!, "data");
  return { ...JSON.parse(String(line)), child };
}

let home: Home;
let ready: Ready;
let id: string;
beforeAll(async () => {
  home = temporaryHome();
  id = writeRun(home.runs, { steps: 50, name: "served" });
  const renderer = join(home.directory, "renderer");
  mkdirSync(join(renderer, "assets"), { recursive: true });
  writeFileSync(join(renderer, "index.html"), "<!doctype html><title>Switchyard</title>");
  writeFileSync(join(renderer, "assets", "index-Ab12Cd34.js"), "export {}");
  writeFileSync(join(home.directory, "secret.txt"), "secret");
  symlinkSync(join(home.directory, "secret.txt"), join(renderer, "link.txt"));
  ready = await serve(home);
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: "127.0.0.1", port: ready.port, path, method, headers: { host: `127.0.0.1:${ready.port}`, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    }).on("error", reject).end();
  });
}

/** The close code, or the HTTP status, that a socket ends with after these messages. */
function knock(messages: (string | Buffer)[], options: WebSocket.ClientOptions = {}, path = "/socket"): Promise<{ code: number; reason: string; received: string[] }> {
  return new Promise((resolve) => {
    const received: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${ready.port}${path}`, options);
    socket.on("open", () => { for (const message of messages) socket.send(message); });
    socket.on("message", (data) => received.push(String(data)));
    socket.on("unexpected-response", (_, response) => resolve({ code: response.statusCode!, reason: "", received }));
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason), received }));
    socket.on("error", () => {});
  });
}
const hello = (token = ready.token) => JSON.stringify({ type: "hello", token, protocol: 1 });
const connect = (port = ready.port, token = ready.token) =>
  new Client({ url: `ws://127.0.0.1:${port}/socket`, token, openSocket: (url) => new WebSocket(url), backoff: () => 30 });

test("the ready line names port, token, pid and link, and the token has 256 bits", () => {
  expect(ready).toMatchObject({ ready: true, url: `http://127.0.0.1:${ready.port}/#token=${ready.token}` });
  expect(Buffer.from(ready.token, "base64url")).toHaveLength(32);
  expect(statSync(home.backend).mode & 0o777).toBe(0o600);
});

test.each([["a wrong token", "x".repeat(43)], ["an empty token", ""], ["all but the end of the token", null]])("%s is refused, and the client does not try again", async (_, token) => {
  const wrong = token ?? ready.token.slice(0, -1);
  expect(await knock([hello(wrong)])).toMatchObject({ code: CLOSE_REFUSED, received: [] });
  const client = connect(ready.port, wrong);
  await expect(client.connected()).rejects.toThrow(/token/);
  expect(client.connection.state).toBe("refused");
});

test("nothing is answered before hello", async () => {
  expect(await knock([JSON.stringify({ type: "request", id: 1, name: "runs.list", args: {} }), hello()])).toMatchObject({ code: CLOSE_REFUSED, received: [] });
});

test.each(["not json", "{}", '{"type":"hello"}', '{"type":"hello","token":1,"protocol":1}', JSON.stringify({ type: "hello", token: "t".repeat(1000), protocol: 1 })])("the message %j is refused", async (message) => {
  expect(await knock([message])).toMatchObject({ code: CLOSE_PROTOCOL, received: [] });
});

test("a binary and an over-long message end the connection", async () => {
  expect(await knock([Buffer.from([1, 2, 3])])).toMatchObject({ code: CLOSE_PROTOCOL });
  expect(await knock([hello(), "x".repeat(MAX_MESSAGE_BYTES + 1)])).toMatchObject({ code: 1009 });
});

test.each(["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1", "http://127.0.0.1:1", "file://"])("Origin %s is refused", async (origin) => {
  expect(await knock([hello()], { headers: { origin } })).toMatchObject({ code: 403, received: [] });
  expect((await get("/", { origin })).status).toBe(403);
});

test.each(["evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]", "127.0.0.1.evil.example"])("Host %s is refused", async (host) => {
  expect((await get("/", { host: host.endsWith(".example") ? `${host}:${ready.port}` : host })).status).not.toBe(200);
  expect(await knock([hello()], { headers: { host } })).not.toMatchObject({ received: [expect.stringContaining("welcome")] });
});

test("the page's own origin is welcome, by address and by name, also through a tunnel to the same port", async () => {
  for (const name of ["127.0.0.1", "localhost"]) {
    expect((await get("/", { host: `${name}:${ready.port}`, origin: `http://${name}:${ready.port}` })).status).toBe(200);
    const socket = new WebSocket(`ws://127.0.0.1:${ready.port}/socket`, { headers: { host: `${name}:${ready.port}`, origin: `http://${name}:${ready.port}` } });
    await once(socket, "open");
    socket.send(hello());
    expect(JSON.parse(String((await once(socket, "message"))[0]))).toMatchObject({ type: "welcome", protocol: 1 });
    socket.close();
  }
});

test("files come with strict headers, assets for ever, the page never stored", async () => {
  const page = await get("/");
  expect(page).toMatchObject({ status: 200, headers: { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" } });
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|\*/);
  expect(await get("/assets/index-Ab12Cd34.js")).toMatchObject({ status: 200, headers: { "cache-control": expect.stringContaining("immutable"), "content-type": expect.stringContaining("javascript") } });
  expect((await get("/runs/anything")).body).toContain("Switchyard");
  expect((await get("/assets/missing.js")).status).toBe(404);
  expect((await get("/", {}, "POST")).status).toBe(405);
});

test.each(["/../secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/%00", "/assets/..%5c..%5csecret.txt", "/%"])("%s does not lead out of the folder", async (path) => {
  const { status, body } = await get(path);
  expect(body).not.toContain("secret");
  expect([400, 404]).toContain(status);
});

test("the desktop shell's requests need the token", async () => {
  expect((await get("/api/active-runs")).status).toBe(401);
  expect((await get("/api/active-runs", { authorization: "Bearer wrong" })).status).toBe(401);
  const authorization = `Bearer ${ready.token}`;
  expect(JSON.parse((await get("/api/active-runs", { authorization })).body)).toEqual({ runs: [] });
  expect(JSON.parse((await get("/api/stop-all", { authorization }, "POST")).body)).toEqual({ stopping: [] });
  expect((await get("/api/stop-all", { authorization })).status).toBe(404);
});

test("the desktop shell learns which runs are going, and stops them all", async () => {
  const busy = temporaryHome();
  const going = writeRun(busy.runs, { steps: 5, exit: null, name: "going" });
  writeRun(busy.runs, { steps: 5 });
  const { port, token } = await serve(busy);
  interface Answer { runs: { id: string; status: string }[] }
  const ask = async (path: string, method: string): Promise<Answer> => (await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { authorization: `Bearer ${token}` } })).json() as Promise<Answer>;
  await until(async () => (await ask("/api/active-runs", "GET")).runs[0]?.status === "running");
  expect(await ask("/api/active-runs", "GET")).toEqual({ runs: [expect.objectContaining({ id: going, name: "going", step: 5 })] });
  expect(await ask("/api/stop-all", "POST")).toEqual({ stopping: [going] });
  expect(JSON.parse(readFileSync(join(busy.runs, going, "control", "stop.json"), "utf8"))).toMatchObject({ v: 1, verb: "stop" });
  expect((await ask("/api/active-runs", "GET")).runs).toMatchObject([{ status: "stopping" }]);
});

test("requests are checked, answered and refused with a sentence", async () => {
  const client = connect();
  await client.connected();
  expect((await client.send("runs.get", { runId: id })).summary).toMatchObject({ name: "served", status: "completed" });
  await expect(client.send("runs.get", { runId: "x" })).rejects.toBeInstanceOf(RequestError);
  await expect(client.send("runs.get", { runId: "x" })).rejects.toMatchObject({ issues: [{ path: "runId" }] });
  await expect(client.send("runs.get", { runId: id, more: 1 } as never)).rejects.toThrow(/more/);
  await expect(client.send("no.such" as never, {} as never)).rejects.toThrow(/no request/);
  await expect(client.send("runs.start", { spec: { model: { heads: 0 } } })).rejects.toMatchObject({ issues: [{ path: "model.heads" }] });
  client.close();
  await expect(client.send("runs.list", {})).rejects.toThrow(/closed/);
});

test("a subscription to nonsense is answered with an error", async () => {
  const client = connect();
  await client.connected();
  const refused = new Promise<RequestError>((resolve) => client.subscribe("run", { runId: "x", after: -1 }, () => {}, resolve));
  expect(await refused).toBeInstanceOf(RequestError);
  client.close();
});

test("a second backend for the same home prints the line of the first", async () => {
  const second = await serve(home);
  expect({ port: second.port, token: second.token, pid: second.pid }).toEqual({ port: ready.port, token: ready.token, pid: ready.pid });
  if (second.child.exitCode === null) await once(second.child, "exit");
  expect(second.child.exitCode).toBe(0);
});

test("a port that is taken is a sentence", async () => {
  const other = temporaryHome();
  const child = spawn(process.execPath, [SERVE, "--home", other.directory, "--port", String(ready.port)], { stdio: ["ignore", "ignore", "pipe"] });
  const [text] = await once(child.stderr!, "data");
  expect(String(text)).toMatch(new RegExp(`^Port ${ready.port} is taken.*--port`));
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(1);
});

test("after the backend is killed its windows find the next one, follow on, and learn what is gone", async () => {
  const moving = temporaryHome();
  const [stays, goes] = [writeRun(moving.runs, { steps: 20 }), writeRun(moving.runs, { steps: 20 })];
  const first = await serve(moving);
  const client = connect(first.port, first.token);
  const states: Connection["state"][] = [];
  client.onConnection(({ state }) => states.push(state));
  await client.connected();
  const seen: Push<"runs">[] = [];
  const rows: Push<"run">[] = [];
  client.subscribe("runs", {}, (push) => seen.push(push));
  client.subscribe("run", { runId: stays, after: 0 }, (push) => rows.push(push));
  await until(() => seen.length > 0 && rows.length > 0);
  const cursor = rows.at(-1)!.cursor;

  first.child.kill("SIGKILL");
  await until(() => client.connection.state === "reconnecting");
  await expect(client.send("runs.list", {})).rejects.toThrow(/lost/);
  // Deleted long ago, by the clock of its row: the next start removes it.
  const { openWritable } = await import("../db/database.ts");
  const db = openWritable(moving.database);
  db.prepare("UPDATE run SET deleted_at = 1 WHERE id = ?").run(goes);
  db.close();
  const second = await serve(moving);
  expect({ port: second.port, token: second.token }).toEqual({ port: first.port, token: first.token });
  await client.connected();
  await until(() => seen.some(({ removed }) => removed.includes(goes)));
  expect(rows.slice(1).every((push) => push.cursor > cursor)).toBe(true);
  expect(states).toContain("reconnecting");

  client.close();
  second.child.kill("SIGTERM");
  await once(second.child, "exit");
  expect(second.child.exitCode).toBe(0);
  expect(existsSync(moving.backend)).toBe(false);
  expect(readFileSync(moving.database).subarray(0, 15).toString()).toBe("SQLite format 3");
});

test("requests that wait are rejected, not left hanging, when the backend dies", async () => {
  const doomed = temporaryHome();
  const backend = await serve(doomed);
  const client = connect(backend.port, backend.token);
  await client.connected();
  backend.child.kill("SIGSTOP");
  const answer = client.send("runs.list", {});
  backend.child.kill("SIGKILL");
  await expect(answer).rejects.toThrow(/lost before the answer/);
  client.close();
});
