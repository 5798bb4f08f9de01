// What ties the charts of a view together: the step under the pointer, the step everything is scrubbed to, the zoom and
// the axes. The charts read it from a context and don't know where it is kept.
import { createContext, useContext } from "react";
import type { XAxis } from "./bucketSeries.ts";

/** The step under the pointer, shared by all charts. Kept outside React: it changes with every move of the pointer. */
export interface HoverStep {
  get(): number | null;
  set(step: number | null): void;
  subscribe(changed: () => void): () => void;
}

export function createHoverStep(): HoverStep {
  let step: number | null = null;
  const listeners = new Set<() => void>();
  return {
    get: () => step,
    set(next) {
      if (next === step) return;
      step = next;
      for (const listener of listeners) listener();
    },
    subscribe(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
  };
}

export interface ChartLinks {
  hover: HoverStep;
  axis: XAxis;
  logX: boolean;
  logY: boolean;
  smoothing: number;
  set(change: Partial<Pick<ChartLinks, "axis" | "logX" | "logY" | "smoothing">>): void;
  /** Steps zoomed to; null shows all. */
  range: { from: number; to: number } | null;
  zoom(range: { from: number; to: number } | null): void;
  /** The step all panels show; null follows the newest. */
  step: number | null;
  scrub(step: number | null): void;
}

export const ChartLinksContext = createContext<ChartLinks>({
  hover: createHoverStep(), axis: "step", logX: false, logY: false, smoothing: 0, set() {}, range: null, zoom() {}, step: null, scrub() {},
});
export const useChartLinks = (): ChartLinks => useContext(ChartLinksContext);
