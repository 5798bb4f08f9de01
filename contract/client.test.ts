import { expect, test, vi } from "vitest";
import { Client, CLOSE_REFUSED, type ClientSocket } from "./client.ts";

/** The other end of a socket, played by the test. */
class Socket implements ClientSocket {
  sent: { type: string; id: number; args: Record<string, unknown>; [key: string]: unknown }[] = [];
  #listeners: Record<string, ((event: never) => void)[]> = {};
  send(text: string) { this.sent.push(JSON.parse(text)); }
  close() { this.emit("close", { code: 1000, reason: "" }); }
  addEventListener(type: string, listener: (event: never) => void) { (this.#listeners[type] ??= []).push(listener); }
  emit(type: string, event: unknown = undefined) { for (const listener of this.#listeners[type] ?? []) listener(event as never); }
  say(message: unknown) { this.emit("message", { data: typeof message === "string" ? message : JSON.stringify(message) }); }
  welcome() {
    this.emit("open");
    this.say({ type: "welcome", protocol: 1, version: "1.2.3" });
  }
}
function setUp() {
  const sockets: Socket[] = [];
  const client = new Client({ url: "ws://x/socket", token: "t", openSocket: () => (sockets.push(new Socket()), sockets.at(-1)!), backoff: () => 0 });
  return { client, sockets };
}
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));
const RUN = "0199aaaa-0000-7000-8000-000000000001";
const rows = (cursor: number) => ({ cursor, resetAfterStep: null, metrics: [], routing: [], alerts: [], log: [], checkpointsChanged: false });

test("the token goes first, and in no address", () => {
  const { client, sockets } = setUp();
  sockets[0]!.welcome();
  expect(sockets[0]!.sent).toEqual([{ type: "hello", token: "t", protocol: 1 }]);
  expect(client.connection).toEqual({ state: "connected", message: null, version: "1.2.3" });
});

test("calls are rejected while not connected, instead of waiting", async () => {
  const { client } = setUp();
  await expect(client.send("runs.list", {})).rejects.toThrow("Connecting to the backend.");
});

test("answers find their request in any order; one that does not fit the contract is an error", async () => {
  const { client, sockets } = setUp();
  sockets[0]!.welcome();
  const [first, second, third] = [client.send("runs.rename", { runId: RUN, name: "a" }), client.send("runs.rename", { runId: RUN, name: "b" }), client.send("runs.list", {})];
  const [a, b, c] = sockets[0]!.sent.slice(1).map(({ id }) => id);
  sockets[0]!.say({ type: "error", id: b, error: { message: "No.", detail: "why", issues: [{ path: "x", message: "y" }] } });
  sockets[0]!.say({ type: "result", id: a, result: { ok: true } });
  sockets[0]!.say({ type: "result", id: c, result: [{ id: "not a run" }] });
  expect(await first).toEqual({ ok: true });
  await expect(second).rejects.toMatchObject({ message: "No.", detail: "why", issues: [{ path: "x", message: "y" }] });
  await expect(third).rejects.toThrow(/does not fit/);
});

test("messages that are nonsense are passed over", () => {
  const { client, sockets } = setUp();
  sockets[0]!.welcome();
  for (const nonsense of ["{", "[]", { type: "push", id: 99, push: {} }, { type: "unheard" }, { type: "result", id: 77, result: 1 }]) sockets[0]!.say(nonsense);
  expect(client.connection.state).toBe("connected");
});

test("a lost connection rejects what waits, comes back by itself, and goes on after the last cursor", async () => {
  const { client, sockets } = setUp();
  const push = vi.fn();
  client.subscribe("run", { runId: RUN, after: 3 }, push);
  sockets[0]!.welcome();
  const { id } = sockets[0]!.sent[1]!;
  sockets[0]!.say({ type: "push", id, push: rows(17) });
  const waiting = client.send("runs.list", {});
  sockets[0]!.emit("close", { code: 1006, reason: "" });
  await expect(waiting).rejects.toThrow(/lost/);
  expect(client.connection.state).toBe("reconnecting");
  await soon();
  sockets[1]!.welcome();
  expect(sockets[1]!.sent[1]).toMatchObject({ type: "subscribe", topic: "run", args: { runId: RUN, after: 17 } });
  // A late word of the old connection counts for nothing.
  sockets[0]!.say({ type: "push", id, push: rows(99) });
  expect(push).toHaveBeenCalledTimes(1);
});

test("a push that does not fit the contract reaches the error listener, not the panel", () => {
  const { client, sockets } = setUp();
  const [push, error] = [vi.fn(), vi.fn()];
  client.subscribe("run", { runId: RUN, after: 0 }, push, error);
  sockets[0]!.welcome();
  sockets[0]!.say({ type: "push", id: sockets[0]!.sent[1]!.id, push: { cursor: "x" } });
  expect(push).not.toHaveBeenCalled();
  expect(error.mock.calls[0]![0]).toBeInstanceOf(Error);
});

test("an ended subscription is neither pushed nor renewed", async () => {
  const { client, sockets } = setUp();
  const push = vi.fn();
  const end = client.subscribe("run", { runId: RUN, after: 0 }, push);
  sockets[0]!.welcome();
  const { id } = sockets[0]!.sent[1]!;
  end();
  expect(sockets[0]!.sent.at(-1)).toEqual({ type: "unsubscribe", id });
  sockets[0]!.say({ type: "push", id, push: rows(1) });
  sockets[0]!.emit("close", { code: 1006, reason: "" });
  await soon();
  sockets[1]!.welcome();
  expect(sockets[1]!.sent).toHaveLength(1);
  expect(push).not.toHaveBeenCalled();
});

test("a refusal is final and keeps the backend's sentence; so is close()", async () => {
  const { client, sockets } = setUp();
  const connected = client.connected();
  sockets[0]!.emit("close", { code: CLOSE_REFUSED, reason: "Wrong token." });
  await expect(connected).rejects.toThrow("Wrong token.");
  await soon();
  expect(sockets).toHaveLength(1);
  const other = setUp();
  other.sockets[0]!.welcome();
  const waiting = other.client.send("runs.list", {});
  other.client.close();
  await expect(waiting).rejects.toThrow(/closed/);
  await soon();
  expect(other.sockets).toHaveLength(1);
});
