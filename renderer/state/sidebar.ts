// Whether the list of runs is shown: beside the run as a person set it, or, where the window is too narrow for both, above the run until something is chosen.
import { useSyncExternalStore } from "react";
import { changeSettings, currentSettings, useSettings } from "./settings.ts";

/** Below this the list would take a third of the window and more. */
const narrow = typeof matchMedia === "undefined" ? null : matchMedia("(max-width: 760px)");
let raised = false;
const listeners = new Set<() => void>();

function raise(next: boolean): void {
  if (raised === next) return;
  raised = next;
  for (const listener of listeners) listener();
}

const isNarrow = (): boolean => narrow?.matches ?? false;
const isRaised = (): boolean => raised;

export const showSidebar = (): void => (isNarrow() ? raise(true) : changeSettings({ sidebar: true }));
export const toggleSidebar = (): void => (isNarrow() ? raise(!raised) : changeSettings({ sidebar: !currentSettings().sidebar }));
/** What was chosen is below the list: out of its way. */
export const lowerSidebar = (): void => raise(false);

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  narrow?.addEventListener("change", changed);
  return () => {
    listeners.delete(changed);
    narrow?.removeEventListener("change", changed);
  };
};

export interface SidebarView { shown: boolean; above: boolean }
export function useSidebar(): SidebarView {
  const { sidebar } = useSettings();
  const above = useSyncExternalStore(subscribe, isNarrow), open = useSyncExternalStore(subscribe, isRaised);
  return { shown: above ? open : sidebar, above };
}
