// What is shown, as the address holds it: a copied link or a reload opens the same view.
import { useSyncExternalStore } from "react";
import type { XAxis } from "../charts/bucketSeries.ts";
import { Stack } from "../../contract/events.ts";
import { HostName } from "../../contract/hosts.ts";
import { TpuPlace } from "../../contract/tpuPlace.ts";
import { RunId } from "../../contract/runDirectory.ts";
import type { Layer } from "../panels/liveHistory.ts";
import { LAYER_MEASURES, type LayerMeasure } from "../panels/routing/layerMeasures.ts";
import { DERIVATIONS, type Derivation } from "../newRun/beginning.ts";
import { readChoice, START_CHOICE, writeChoice, type PlanChoice } from "../plan/choice.ts";
import { PLACES, type Place } from "../tabs/compareTable.ts";

export const TABS = ["overview", "routing", "capacity", "balance", "mesh", "generate", "spec", "log", "files"] as const;
export type Tab = (typeof TABS)[number];
/** As the tabs are titled. */
export const TAB_TITLES: Record<Tab, string> = { overview: "Overview", routing: "Routing", capacity: "Capacity", balance: "Balance", mesh: "Mesh", generate: "Generate", spec: "Spec", log: "Log", files: "Files" };
export type Page = "runs" | "new" | "compare" | "models" | "generate" | "plan" | "hosts" | "tpus";

export interface View {
  page: Page;
  /** The chosen run; null shows the start page. */
  run: string | null;
  /** Runs laid over the chosen one in the charts. */
  overlaid: readonly string[];
  /** The run whose spec the form starts from. */
  source: string | null;
  /** The imported model that the form starts from, that writes, or that stands out among the models. */
  model: string | null;
  /** The host or cluster that the page of hosts shows, or that a new run is for. */
  host: string | null;
  /** The project and zone whose TPUs are shown; null shows those that gcloud is set to. */
  cloud: TpuPlace | null;
  /** What the form makes of `source` or `model`; null duplicates the run. */
  as: Derivation | null;
  tab: Tab;
  /** The step all panels show; null follows the newest. */
  step: number | null;
  range: { from: number; to: number } | null;
  axis: XAxis;
  logX: boolean;
  logY: boolean;
  /** Weight of the past in the exponential moving average, 0 to 0.999. */
  smoothing: number;
  /** Whose routing the heatmaps show; null follows the chosen run. */
  routingOf: string | null;
  layer: Layer | null;
  expert: number | null;
  /** What the layer × expert heatmap shows. */
  measure: LayerMeasure["key"];
  /** The capacity factor asked about; null asks about the next above the run's own. */
  factor: number | null;
  /** The figure that fills its panel. */
  maximised: string | null;
  /** Where the comparison reads its values. */
  place: Place;
  /** The run that the comparison measures differences from; null takes the first. */
  baseline: string | null;
  /** What the planner is asked about. */
  plan: PlanChoice;
}

export const START_VIEW: View = {
  page: "runs", run: null, overlaid: [], source: null, model: null, host: null, cloud: null, as: null, tab: "overview", step: null, range: null, axis: "step", logX: false, logY: false, smoothing: 0,
  routingOf: null, layer: null, expert: null, measure: "load", factor: null, maximised: null, place: "last", baseline: null, plan: START_CHOICE,
};
const AXES: readonly XAxis[] = ["step", "tokens", "time"];
const PAGES: readonly Page[] = ["runs", "new", "compare", "models", "generate", "plan", "hosts", "tpus"];
/** More lines than this can't be told apart, and the backend compares no more. */
export const MAX_OVERLAID = 19;

const whole = (text: string | null): number | null => (text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null);
const runId = (text: string | null): string | null => (text !== null && RunId.safeParse(text).success ? text : null);

/** "encoder-3". */
function layerOf(text: string | null): Layer | null {
  const [stack, layer] = (text ?? "").split("-");
  const known = Stack.safeParse(stack), index = whole(layer ?? null);
  return known.success && index !== null ? { stack: known.data, layer: index } : null;
}
function positive(text: string | null): number | null {
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : null;
}
const figureId = (text: string | null): string | null => (text !== null && /^[a-z-]{1,40}$/.test(text) ? text : null);

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
    model: runId(query.get("model")),
    host: HostName.safeParse(query.get("host")).data ?? null,
    cloud: TpuPlace.safeParse({ project: query.get("project"), zone: query.get("zone") }).data ?? null,
    as: DERIVATIONS.find((derivation) => derivation === query.get("as")) ?? null,
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "overview",
    step: whole(query.get("step")),
    range: from !== null && to !== null && from < to ? { from, to } : null,
    axis: AXES.find((axis) => axis === query.get("axis")) ?? "step",
    logX: log.includes("x"),
    logY: log.includes("y"),
    smoothing: smoothing >= 0 && smoothing <= 0.999 ? smoothing : 0,
    routingOf: runId(query.get("routing")),
    layer: layerOf(query.get("layer")),
    expert: whole(query.get("expert")),
    measure: LAYER_MEASURES.find(({ key }) => key === query.get("measure"))?.key ?? "load",
    factor: positive(query.get("factor")),
    maximised: figureId(query.get("full")),
    place: PLACES.find((place) => place === query.get("values")) ?? "last",
    baseline: runId(query.get("baseline")),
    plan: readChoice(query),
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
  put("model", view.model);
  put("host", view.host);
  put("project", view.cloud?.project);
  put("zone", view.cloud?.zone);
  put("as", view.as);
  put("tab", view.tab, "overview");
  put("step", view.step);
  put("from", view.range?.from);
  put("to", view.range?.to);
  put("axis", view.axis, "step");
  put("log", `${view.logX ? "x" : ""}${view.logY ? "y" : ""}`);
  put("smoothing", view.smoothing, 0);
  put("routing", view.routingOf);
  put("layer", view.layer && `${view.layer.stack}-${view.layer.layer}`);
  put("expert", view.expert);
  put("measure", view.measure, "load");
  put("factor", view.factor);
  put("full", view.maximised);
  put("values", view.place, "last");
  put("baseline", view.baseline);
  for (const [name, value, start] of writeChoice(view.plan)) put(name, value, start);
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
  // Another tab has other figures.
  if (next.tab !== current.tab) next.maximised = null;
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
