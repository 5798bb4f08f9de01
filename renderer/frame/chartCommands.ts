// What can be done to the charts of the chosen run, for the palette.
import type { RunSummary } from "../../contract/handlers.ts";
import { indexAtOrBefore } from "../charts/bucketSeries.ts";
import { shortName } from "../charts/summary.ts";
import { liveRuns } from "../panels/environment.tsx";
import { toggleOverlay } from "../state/runActions.ts";
import { currentView, setView, type View } from "../state/view.ts";

export interface Command { id: string; label: string; hint?: string; perform: () => void }

/** Weights of the past that are offered by name; the slider has all. */
const SMOOTHINGS = [0, 0.6, 0.9] as const;

/** To the recorded step before or after the one that all panels show. */
function moveStep(by: number): void {
  const { run, routingOf, step } = currentView();
  if (run === null) return;
  const { steps } = liveRuns().get(routingOf ?? run).routing();
  const at = step === null ? steps.length - 1 : indexAtOrBefore(steps, steps.length, step);
  const next = steps[Math.min(steps.length - 1, Math.max(0, at + by))];
  if (next !== undefined) setView({ step: next });
}

export function chartCommands({ axis, logX, logY, smoothing, range, step }: View): Command[] {
  const all: (Command | false)[] = [
    axis !== "step" && { id: "x-steps", label: "x axis: steps", perform: () => setView({ axis: "step" }) },
    axis !== "tokens" && { id: "x-tokens", label: "x axis: tokens", perform: () => setView({ axis: "tokens" }) },
    axis !== "time" && { id: "x-time", label: "x axis: time", perform: () => setView({ axis: "time" }) },
    { id: "log-x", label: `x axis: ${logX ? "linear" : "logarithmic"}`, perform: () => setView({ logX: !logX }) },
    { id: "log-y", label: `y axis: ${logY ? "linear" : "logarithmic"}`, perform: () => setView({ logY: !logY }) },
    ...SMOOTHINGS.filter((weight) => weight !== smoothing).map((weight) => ({ id: `smoothing-${weight}`, label: weight === 0 ? "Smoothing: none" : `Smoothing: ${weight}`, perform: () => setView({ smoothing: weight }) })),
    range !== null && { id: "zoom-out", label: "Show all steps", hint: "0", perform: () => setView({ range: null }) },
    { id: "step-back", label: "Step: the one before", perform: () => moveStep(-1) },
    { id: "step-forth", label: "Step: the one after", perform: () => moveStep(1) },
    step !== null && { id: "step-newest", label: "Step: follow the newest", perform: () => setView({ step: null }) },
  ];
  return all.filter((command) => command !== false);
}

/** Lays the other runs over the chosen one, or takes them out. */
export const overlayCommands = (others: readonly RunSummary[], { overlaid }: View): Command[] =>
  others.map(({ id, name }) => ({ id: `overlay-${id}`, label: `${overlaid.includes(id) ? "Take out of the charts" : "Lay over"}: ${shortName(name, 60)}`, perform: () => toggleOverlay(id) }));
