import { expect, test } from "vitest";
import { UndoStack } from "./undo.ts";

function counter(stack: UndoStack) {
  const state = { value: 0, fail: false };
  const step = (by: number) => async () => {
    if (state.fail) throw new Error("The backend is gone.");
    state.value += by;
  };
  return { state, add: (by: number) => stack.run({ name: `added ${by}`, redo: step(by), undo: step(-by) }) };
}

test("undo takes back the newest first, redo does it again", async () => {
  const stack = new UndoStack(), { state, add } = counter(stack);
  await add(1);
  await add(10);
  expect(stack.undoable).toBe("added 10");
  await stack.undo();
  expect(state.value).toBe(1);
  expect(stack.redoable).toBe("added 10");
  await stack.undo();
  await stack.undo();
  expect(state.value).toBe(0);
  await stack.redo();
  expect(state.value).toBe(1);
});

test("a new deed forgets what was taken back", async () => {
  const stack = new UndoStack(), { state, add } = counter(stack);
  await add(1);
  await stack.undo();
  await add(5);
  await stack.redo();
  expect(state.value).toBe(5);
});

test("what fails is neither done nor taken back", async () => {
  const stack = new UndoStack(), { state, add } = counter(stack);
  await add(1);
  state.fail = true;
  await expect(stack.undo()).rejects.toThrow("The backend is gone.");
  await expect(add(2)).rejects.toThrow("The backend is gone.");
  expect(stack.undoable).toBe("added 1");
  state.fail = false;
  await stack.undo();
  expect(state.value).toBe(0);
});

test("pressing undo twice at once takes back one deed at a time", async () => {
  const stack = new UndoStack(), { state, add } = counter(stack);
  await add(1);
  await add(10);
  await Promise.all([stack.undo(), stack.undo()]);
  expect(state.value).toBe(1);
});
