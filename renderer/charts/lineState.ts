// What a line chart says of its lines as a whole: its state and its summary.
import { useCallback, useEffect, useState } from "react";
import type { FigureState } from "./Figure.tsx";
import type { LineChartProps } from "./LineChart.tsx";
import { allFacts, type Line } from "./lineData.ts";
import { lineSentence, linesSentence } from "./summary.ts";

/** Milliseconds between two changes of the words. */
const SUMMARY_EVERY = 1000;

/** The worst state wins only if no line has data: one missing run must not hide the others. */
function lineState(lines: readonly Line[], retry?: () => void): FigureState {
  if (lines.length === 0) return { kind: "empty", message: "Choose a run with the eye beside its name." };
  const statuses = lines.map(({ source }) => source.status);
  if (statuses.includes("ready")) return { kind: "ready" };
  if (statuses.includes("loading")) return { kind: "loading" };
  const failed = lines.find(({ source }) => source.status === "error");
  if (failed) return { kind: "error", message: failed.source.message ?? "The backend gave no answer.", retry };
  return { kind: "absent", message: lines[0]!.source.message ?? "No run shown here records this." };
}

/** State and summary, followed outside the draw path: at once when the state changes, once a second for the words. */
export function useLineState({ lines, label, unit, noun, retry }: LineChartProps): { state: FigureState; summary: string; absent: ReadonlySet<string> } {
  const compute = useCallback(() => {
    const state = lineState(lines, retry);
    const own = lines.filter((line) => !line.label);
    const others = lines.filter((line) => line.label);
    const parts = [linesSentence(label, unit, allFacts(own), noun)];
    if (own.length === 1) for (const line of others.slice(0, 2)) {
      const [facts] = allFacts([line]);
      if (facts) parts.push(lineSentence(line.label!, unit, facts));
    }
    return { state, summary: parts.join("; "), absent: new Set(lines.filter((line) => line.source.status === "absent").map((line) => line.key)) };
  }, [lines, label, unit, noun, retry]);
  const [current, setCurrent] = useState(compute);
  useEffect(() => {
    let kind = "";
    let timer: ReturnType<typeof setTimeout> | null = null;
    const refresh = () => {
      timer = null;
      const next = compute();
      kind = next.state.kind;
      setCurrent((old) => (old.summary === next.summary && old.absent.size === next.absent.size && sameState(old.state, next.state) ? old : next));
    };
    const changed = () => {
      if (lineState(lines).kind !== kind) refresh();
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
