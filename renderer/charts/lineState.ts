// What a line chart says of its lines as a whole: its state and its summary.
import { useCallback, useEffect, useState } from "react";
import type { FigureState } from "./Figure.tsx";
import { allFacts, type Line } from "./lineData.ts";
import { useChartLinks } from "./links.ts";
import { lineSentence, linesSentence } from "./summary.ts";

/** Milliseconds between two changes of the words. */
const SUMMARY_EVERY = 1000;

/** The worst state wins only if no line has data: one missing run must not hide the others. `showAll` leaves a zoom. */
export function lineState(lines: readonly Line[], label: string, showAll: (() => void) | null, retry?: () => void): FigureState {
  if (lines.length === 0) return { kind: "empty", message: "Choose a run with the eye beside its name." };
  const statuses = lines.map(({ source }) => source.status);
  if (statuses.includes("ready")) return { kind: "ready" };
  if (statuses.includes("loading")) return { kind: "loading" };
  const failed = lines.find(({ source }) => source.status === "error");
  if (failed) return { kind: "error", message: failed.source.message ?? "The backend gave no answer.", retry };
  if (showAll) return { kind: "outside", message: `The zoom holds no values of ${label}.`, showAll };
  if (lines.some(({ going }) => going)) return { kind: "empty", message: "The first value comes with the first step." };
  return { kind: "absent", message: lines[0]!.source.message ?? "No run shown here records this." };
}

/** The lines that are there, in words; those still on their way are left out. */
export function lineSummary(lines: readonly Line[], label: string, unit: string, noun: string): string {
  const loaded = lines.filter(({ source }) => source.status !== "loading");
  const own = loaded.filter((line) => !line.label);
  const parts = own.length > 0 ? [linesSentence(label, unit, allFacts(own), noun)] : [];
  if (lines.filter((line) => !line.label).length === 1) for (const line of loaded.filter((other) => other.label).slice(0, 2)) {
    const [facts] = allFacts([line]);
    if (facts) parts.push(lineSentence(line.label!, unit, facts));
  }
  return parts.join("; ");
}

/** State and summary, followed outside the draw path: at once when a line comes or fails, once a second for the words. */
export function useLineState({ lines, label, unit, noun, retry }: { lines: readonly Line[]; label: string; unit: string; noun: string; retry?: () => void }): { state: FigureState; summary: string; absent: ReadonlySet<string> } {
  const { range, zoom } = useChartLinks();
  const compute = useCallback(() => ({
    state: lineState(lines, label, range && (() => zoom(null)), retry), summary: lineSummary(lines, label, unit, noun),
    absent: new Set(lines.filter((line) => line.source.status === "absent").map((line) => line.key)),
  }), [lines, label, unit, noun, range, zoom, retry]);
  const [current, setCurrent] = useState(compute);
  useEffect(() => {
    const statuses = () => lines.map(({ source }) => source.status).join(" ");
    let told = "";
    let timer: ReturnType<typeof setTimeout> | null = null;
    const refresh = () => {
      if (timer) clearTimeout(timer);
      timer = null;
      told = statuses();
      const next = compute();
      setCurrent((old) => (old.summary === next.summary && old.absent.size === next.absent.size && sameState(old.state, next.state) ? old : next));
    };
    const changed = () => {
      if (statuses() !== told) refresh();
      else timer ??= setTimeout(refresh, SUMMARY_EVERY);
    };
    refresh();
    const stops = lines.map((line) => line.source.subscribe(changed));
    return () => {
      if (timer) clearTimeout(timer);
      stops.forEach((stop) => stop());
    };
  }, [lines, compute]);
  return current;
}

const sameState = (a: FigureState, b: FigureState): boolean =>
  a.kind === b.kind && ("message" in a ? a.message : "") === ("message" in b ? b.message : "");
