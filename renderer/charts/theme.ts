// The theme's colours and fonts as canvas drawing needs them, read from the CSS variables of renderer/theme.css.
import { useSyncExternalStore } from "react";
import { parseColour, type Rgb, type ScaleColours } from "./colourScale.ts";

export interface ChartTheme extends ScaleColours {
  background: string;
  text: string;
  mutedText: string;
  grid: string;
  accent: string;
  /** Lines that are many and stand behind the one that counts. */
  mutedLine: string;
  droppedLine: string;
  /** Tokens that found a place: neutral, so that dropped ones stand out. */
  kept: Rgb;
  /** Ten run colours, told apart by colour-blind people too. */
  runs: readonly string[];
  font: string;
}

/** What stands in where a variable is missing, so that a chart is never invisible. */
const FALLBACK = {
  "--panel": "#ffffff", "--text": "#1b1f24", "--text-muted": "#57606a", "--chart-grid": "#e4e7eb", "--accent": "#0b5cad",
} as const;

function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const text = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const rgb = (name: string, fallback: Rgb): Rgb => parseColour(style.getPropertyValue(name)) ?? fallback;
  return {
    background: text("--panel", FALLBACK["--panel"]),
    text: text("--text", FALLBACK["--text"]),
    mutedText: text("--text-muted", FALLBACK["--text-muted"]),
    grid: text("--chart-grid", FALLBACK["--chart-grid"]),
    accent: text("--accent", FALLBACK["--accent"]),
    mutedLine: text("--muted-line", "#b3bac2"),
    kept: rgb("--kept", [150, 158, 168]),
    droppedLine: text("--dropped", "#c62828"),
    load: [
      rgb("--load-least", [24, 71, 138]), rgb("--load-less", [108, 158, 214]), rgb("--load-fair", [214, 217, 221]),
      rgb("--load-more", [238, 163, 90]), rgb("--load-greatest", [176, 78, 0]),
    ],
    dropped: [rgb("--dropped-none", [240, 241, 243]), rgb("--dropped", [198, 40, 40])],
    absent: rgb("--cell-absent", [226, 229, 233]),
    hatch: rgb("--panel", [255, 255, 255]),
    measure: [rgb("--measure-low", [236, 239, 242]), rgb("--measure-high", [52, 64, 77])],
    runs: Array.from({ length: 10 }, (_, i) => text(`--run-${i}`, ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5195", "#555555", "#8c564b", "#17a2a2"][i]!)),
    font: style.fontFamily || "system-ui, sans-serif",
  };
}

let current: ChartTheme | null = null;
const listeners = new Set<() => void>();
let stop: (() => void) | null = null;

function watch(): void {
  const reread = () => {
    current = readTheme();
    for (const listener of listeners) listener();
  };
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", reread);
  const observer = new MutationObserver(reread);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  stop = () => {
    media.removeEventListener("change", reread);
    observer.disconnect();
    current = null;
  };
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  if (!stop) watch();
  return () => {
    listeners.delete(changed);
    if (listeners.size === 0) {
      stop?.();
      stop = null;
    }
  };
}

/** The theme as it is now; the component is drawn again when it changes. */
export const useChartTheme = (): ChartTheme => useSyncExternalStore(subscribe, () => (current ??= readTheme()));
