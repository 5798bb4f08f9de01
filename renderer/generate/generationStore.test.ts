import { expect, test } from "vitest";
import type { GenerationAnswer, GenerationPush } from "../../contract/generation.ts";
import { GenerationStore, settingProblems } from "./generationStore.ts";

/** A client that remembers what was subscribed to. */
function setUp() {
  const asked: { args: unknown; push: (push: GenerationPush) => void; fail: (error: { message: string; detail: null }) => void; ended: boolean }[] = [];
  const store = new GenerationStore({ subscribe: (_topic, args, push, fail) => {
    const one = { args, push: push as never, fail: fail as never, ended: false };
    asked.push(one);
    return () => { one.ended = true; };
  } });
  return { store, asked };
}
const answer = (done: boolean, text = ""): GenerationAnswer => ({ done, step: 5, layers: [], promptSeconds: 0, seconds: 1, texts: [{ input: [], output: [], text, filledIn: null, score: 0, ended: done }] });

test("a request goes from loading over text that grows to its end, and is then given up", () => {
  const { store, asked } = setUp();
  let drawn = 0;
  store.subscribe(() => drawn++);
  store.change("a", { text: "x", checkpoint: "best" });
  store.generate("run", "a", "x");
  expect(asked[0]!.args).toMatchObject({ source: { kind: "run", runId: "a", checkpoint: "best" }, texts: ["x"], settings: { method: "greedy", maxTokens: 64 } });
  expect(store.read("a").state.kind).toBe("loading");
  asked[0]!.push({ phase: "text", answer: answer(false, "on") });
  expect(store.read("a").state).toMatchObject({ kind: "writing", answer: { texts: [{ text: "on" }] } });
  expect(asked[0]!.ended).toBe(false);
  asked[0]!.push({ phase: "text", answer: answer(true, "one") });
  expect(store.read("a").state).toMatchObject({ kind: "done", stopped: false });
  expect([asked[0]!.ended, drawn]).toEqual([true, 4]);
  expect(store.read("b").state.kind).toBe("nothing");
});

test("stopped, it keeps what has come; a new request ends the one before", () => {
  const { store, asked } = setUp();
  store.generate("run", "a", "x");
  asked[0]!.push({ phase: "text", answer: answer(false, "on") });
  store.stop("a");
  expect(store.read("a").state).toMatchObject({ kind: "done", stopped: true, answer: { texts: [{ text: "on" }] } });
  expect(asked[0]!.ended).toBe(true);
  store.generate("run", "a", "x");
  store.generate("run", "a", "y");
  expect(asked.map(({ ended }) => ended)).toEqual([true, true, false]);
  asked[2]!.fail({ message: "no", detail: null });
  expect(store.read("a").state).toEqual({ kind: "failed", message: "no", detail: null });
});

test("what can't be asked for is not asked", () => {
  const { store, asked } = setUp();
  store.change("a", { settings: { ...store.read("a").draft.settings, maxTokens: "many", topP: 2 } });
  expect(Object.keys(settingProblems(store.read("a").draft.settings))).toEqual(["maxTokens", "topP"]);
  store.generate("run", "a", "x");
  expect(asked).toEqual([]);
});

test("an imported model is asked for by its id, and has no checkpoint", () => {
  const { store, asked } = setUp();
  store.generate("model", "m", "x");
  expect(asked[0]!.args).toMatchObject({ source: { kind: "model", modelId: "m" } });
  expect(asked[0]!.args).not.toHaveProperty("source.checkpoint");
});
