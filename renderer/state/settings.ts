// What a person set up for this window, kept between visits.
import { useSyncExternalStore } from "react";

export interface Settings {
  theme: "system" | "light" | "dark";
  sidebar: boolean;
  /** CSS pixels. */
  sidebarWidth: number;
  showArchived: boolean;
}
export const SIDEBAR_WIDTH = { least: 200, greatest: 560 };
const START: Settings = { theme: "system", sidebar: true, sidebarWidth: 280, showArchived: false };
const KEY = "switchyard.settings";

/** Settings from their text; whatever is missing or wrong is as at the start. */
export function readSettings(text: string | null): Settings {
  let stored: Partial<Record<keyof Settings, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) stored = parsed;
  } catch {
    // Written by something else: start afresh.
  }
  const { theme, sidebar, sidebarWidth, showArchived } = stored;
  return {
    theme: theme === "light" || theme === "dark" ? theme : START.theme,
    sidebar: typeof sidebar === "boolean" ? sidebar : START.sidebar,
    sidebarWidth: typeof sidebarWidth === "number" ? clampWidth(sidebarWidth) : START.sidebarWidth,
    showArchived: typeof showArchived === "boolean" ? showArchived : START.showArchived,
  };
}
export const clampWidth = (width: number): number => Math.round(Math.min(SIDEBAR_WIDTH.greatest, Math.max(SIDEBAR_WIDTH.least, width || START.sidebarWidth)));

let current = START;
const listeners = new Set<() => void>();

const paint = ({ theme }: Settings) => {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
};

/** Reads the settings and paints the theme. Called once, before the first drawing. */
export function startSettings(): void {
  current = readSettings(localStorage.getItem(KEY));
  paint(current);
}

export const currentSettings = (): Settings => current;
export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change };
  localStorage.setItem(KEY, JSON.stringify(current));
  paint(current);
  for (const listener of listeners) listener();
}

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
export const useSettings = (): Settings => useSyncExternalStore(subscribe, currentSettings);
