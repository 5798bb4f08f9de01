// The one line at the bottom that says what just happened or went wrong.
import { useSyncExternalStore } from "react";
import { sentenceOf } from "../connection/index.ts";

export interface Notice { text: string; level: "info" | "error"; undoable: boolean }

let current: Notice | null = null;
const listeners = new Set<() => void>();
const show = (notice: Notice | null) => {
  current = notice;
  for (const listener of listeners) listener();
};

export const say = (text: string, undoable = false): void => show({ text, level: "info", undoable });
export const clearNotice = (): void => show(null);

/** Runs it; a failure is said at the bottom instead of thrown. */
export function attempt(action: () => Promise<unknown>): void {
  action().catch((error: unknown) => show({ text: sentenceOf(error), level: "error", undoable: false }));
}

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
export const useNotice = (): Notice | null => useSyncExternalStore(subscribe, () => current);
