// The words that the list of runs is filtered by.
import { useSyncExternalStore } from "react";

let current = "";
const listeners = new Set<() => void>();

export const currentFilter = (): string => current;
export function setFilter(filter: string): void {
  current = filter;
  for (const listener of listeners) listener();
}

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
export const useFilter = (): string => useSyncExternalStore(subscribe, currentFilter);
