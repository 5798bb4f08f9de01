// What is shown, as the address holds it: a copied link or a reload opens the same view.
import { useSyncExternalStore } from "react";
import type { XAxis } from "../charts/bucketSeries.ts";
import { RunId } from "../../contract/runDirectory.ts";

export const TABS = ["overview", "routing", "capacity", "balance", "spec", "log", "files"] as const;
export type Tab = (typeof TABS)[number];
export type Page = "runs" | "new" | "compare";

export interface View {
  page: Page;
  /** The chosen run; null shows the start page. */
  run: string | null;
  /** Runs laid over the chosen one in the charts. */
  overlaid: readonly string[];
  /** The run whose spec the form starts from. */
  source: string | null;
  tab: Tab;
  /** The step all panels show; null follows the newest. */
  step: number | null;
  range: { from: number; to: number } | null;
  axis: XAxis;
  logX: boolean;
  logY: boolean;
  /** Weight of the past in the exponential moving average, 0 to 0.999. */
  smoothing: number;
}

export const START_VIEW: View = {
  page: "runs", run: null, overlaid: [], source: null, tab: "overview", step: null, range: null, axis: "step", logX: false, logY: false, smoothing: 0,
};
const AXES: readonly XAxis[] = ["step", "tokens", "time"];
const PAGES: readonly Page[] = ["runs", "new", "compare"];
/** More lines than this can't be told apart, and the backend compares no more. */
export const MAX_OVERLAID = 19;

const whole = (text: string | null): number | null => (text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null);
const runId = (text: string | null): string | null => (text !== null && RunId.safeParse(text).success ? text : null);

/** The query of an address; what it does not name or can't be read is as at the start. */
export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const run = runId(query.get("run"));
  const from = whole(query.get("from")), to = whole(query.get("to"));
  const smoothing = Number(query.get("smoothing") ?? 0);
  const log = query.get("log") ?? "";
  return {
    page: PAGES.find((page) => page === query.get("page")) ?? "runs",
    run,
    overlaid: [...new Set((query.get("with") ?? "").split(",").map(runId).filter((id) => id !== null && id !== run))].slice(0, MAX_OVERLAID) as string[],
    source: runId(query.get("source")),
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "overview",
    step: whole(query.get("step")),
    range: from !== null && to !== null && from < to ? { from, to } : null,
    axis: AXES.find((axis) => axis === query.get("axis")) ?? "step",
    logX: log.includes("x"),
    logY: log.includes("y"),
    smoothing: smoothing >= 0 && smoothing <= 0.999 ? smoothing : 0,
  };
}

/** The query that reads back as the view: "" at the start, otherwise with its question mark. */
export function writeView(view: View): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | number | null | undefined, start: string | number | null = null) => {
    if (value !== null && value !== undefined && value !== "" && value !== start) query.set(name, String(value));
  };
  put("page", view.page, "runs");
  put("run", view.run);
  put("with", view.overlaid.join(","));
  put("source", view.source);
  put("tab", view.tab, "overview");
  put("step", view.step);
  put("from", view.range?.from);
  put("to", view.range?.to);
  put("axis", view.axis, "step");
  put("log", `${view.logX ? "x" : ""}${view.logY ? "y" : ""}`);
  put("smoothing", view.smoothing, 0);
  const text = query.toString().replaceAll("%2C", ",");
  return text && `?${text}`;
}

/** Changes that a person would want the Back button to undo; scrubbing and zooming are not. */
const isPlace = (before: View, after: View): boolean => before.page !== after.page || before.run !== after.run || before.tab !== after.tab;

let current = START_VIEW;
const listeners = new Set<() => void>();
const announce = () => listeners.forEach((listener) => listener());

/** Reads the view from the address, and again when a person goes back or forth. Called once. */
export function startView(): void {
  current = readView(location.search);
  addEventListener("popstate", () => {
    current = readView(location.search);
    announce();
  });
}

export const currentView = (): View => current;

export function setView(change: Partial<View>): void {
  const next = { ...current, ...change };
  // Another run has other steps.
  if (next.run !== current.run && change.step === undefined && change.range === undefined) Object.assign(next, { step: null, range: null });
  const address = location.pathname + writeView(next);
  if (address === location.pathname + location.search) return;
  if (isPlace(current, next)) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  current = next;
  announce();
}

const subscribe = (changed: () => void) => {
  listeners.add(changed);
  return () => void listeners.delete(changed);
};
export const useView = (): View => useSyncExternalStore(subscribe, currentView);
