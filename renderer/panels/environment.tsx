// What the panels take from the rest of the interface, in one place: the connection, names and colours of runs, and the
// view state that ties charts together.
import { createContext, useContext, useMemo, useRef, type ReactNode } from "react";
import type { RunSummary } from "../../contract/handlers.ts";
import { ChartLinksContext, type ChartLinks } from "../charts/links.ts";
import { useChartTheme } from "../charts/theme.ts";
import { withinSteps } from "../charts/zoom.ts";
import { isGoing } from "../state/runs.ts";
import { LiveRuns } from "./live.ts";
import type { Backend } from "./liveStore.ts";
import { queued } from "./requestQueue.ts";

let live: LiveRuns | null = null;

/** Called once, when the connection is made and before the first panel is shown. */
export function connectPanels(backend: Backend): void {
  live = new LiveRuns(queued(backend));
}

export function liveRuns(): LiveRuns {
  if (!live) throw new Error("The panels are not connected to a backend.");
  return live;
}

export interface PanelHost {
  runs: readonly Pick<RunSummary, "id" | "name" | "colour" | "status" | "step">[];
  links: ChartLinks;
}
export const PanelHostContext = createContext<PanelHost | null>(null);
const usePanelHost = (): PanelHost => {
  const host = useContext(PanelHostContext);
  if (!host) throw new Error("Panels are shown inside a PanelHostContext.");
  return host;
};

export interface RunLook {
  id: string;
  name: string;
  colour: string;
  dash: readonly number[];
  /** May still record something. */
  going: boolean;
}

/** After the ten colours come the same ten with dashes, then dots, then both. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
export const dashOf = (colour: number): readonly number[] => DASHES[Math.floor(colour / 10) % DASHES.length]!;

/** What each run looks like, in the order asked for. */
export function useRunLooks(runIds: readonly string[]): readonly RunLook[] {
  const { runs } = usePanelHost();
  const theme = useChartTheme();
  // By content: the list of runs changes with every event of any run, the looks hardly ever.
  const key = JSON.stringify(runIds.map((id) => {
    const run = runs.find((other) => other.id === id);
    return [id, run?.name ?? id.slice(0, 8), run?.colour ?? 0, run === undefined || isGoing(run)];
  }));
  return useMemo(() => (JSON.parse(key) as [string, string, number, boolean][]).map(([id, name, colour, going]) => ({ id, name, colour: theme.runs[colour % 10]!, dash: dashOf(colour), going })), [key, theme]);
}

/** Ties the charts of a panel to the view. A zoom stays within the steps of the runs shown. */
export function ViewLinks({ runIds, children }: { runIds: readonly string[]; children: ReactNode }) {
  const { runs, links } = usePanelHost();
  const last = useRef(0);
  last.current = Math.max(0, ...runs.filter(({ id }) => runIds.includes(id)).map(({ step }) => step));
  const within = useMemo((): ChartLinks => ({ ...links, zoom: (range) => links.zoom(range && withinSteps(range, last.current)) }), [links]);
  return <ChartLinksContext value={within}>{children}</ChartLinksContext>;
}
