import { expect, test } from "vitest";
import type { Backend } from "./liveStore.ts";
import { queued } from "./requestQueue.ts";

test("no more than the limit are on their way, in order, and a failure lets the next one go", async () => {
  const asked: { name: string; answer: (value: unknown) => void; fail: (error: Error) => void }[] = [];
  const backend = {
    send: (name: string) => new Promise((answer, fail) => asked.push({ name, answer, fail })),
    subscribe: () => () => {}, onConnection: () => () => {},
  } as unknown as Backend;
  const send = queued(backend, 2).send as unknown as (name: string, args: object) => Promise<unknown>;
  const results = ["a", "b", "c", "d"].map((name) => send(name, {}).catch((error: Error) => error.message));
  expect(asked.map(({ name }) => name)).toEqual(["a", "b"]);
  asked[0]!.fail(new Error("no"));
  expect(await results[0]).toBe("no");
  await Promise.resolve();
  expect(asked.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  asked[1]!.answer(1);
  asked[2]!.answer(2);
  expect(await Promise.all([results[1], results[2]])).toEqual([1, 2]);
  expect(asked.length).toBe(4);
});
