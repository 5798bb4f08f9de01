// A run's state in words and numbers.
import { fromWire, phaseWords } from "../../contract/events.ts";
import { isImported, type RunSummary } from "../../contract/handlers.ts";
import { counted, duration, percent, shortNumber } from "../charts/quantity.ts";

export const STATUS: Record<RunSummary["status"], { glyph: string; word: string }> = {
  starting: { glyph: "◌", word: "starting" },
  preparing: { glyph: "◌", word: "preparing" },
  running: { glyph: "●", word: "running" },
  stopping: { glyph: "◍", word: "stopping" },
  unreachable: { glyph: "◌", word: "unreachable" },
  completed: { glyph: "✓", word: "completed" },
  stopped: { glyph: "■", word: "stopped" },
  failed: { glyph: "✕", word: "failed" },
};

/** Newest tokens a second; null before there is one. */
function paceOf({ metrics }: RunSummary): number | null {
  const pace = fromWire(metrics["tokensPerSecond"]?.last ?? "NaN");
  return Number.isFinite(pace) && pace > 0 ? pace : null;
}

/** Seconds until the last step at the mean pace of the run so far, since that of one step jumps about; null where there is none yet. */
export function secondsLeft(run: RunSummary): number | null {
  if (run.status !== "running" || run.step === 0 || run.seconds === 0 || isImported(run)) return null;
  return ((run.steps - run.step) * run.seconds) / run.step;
}

/** "step 412 of 2,000 · 3.1k tokens/s · 4 min left". */
export function progressText(run: RunSummary): string {
  const step = `step ${run.step.toLocaleString("en")}`, parts = [isImported(run) ? step : `${step} of ${run.steps.toLocaleString("en")}`];
  const pace = paceOf(run);
  if (pace !== null) parts.push(`${shortNumber(pace, 3)} tokens/s`);
  const left = secondsLeft(run);
  if (left !== null) parts.push(`${duration(Math.max(1, Math.round(left)))} left`);
  else if (run.seconds > 0) parts.push(`trained ${duration(Math.max(1, Math.round(run.seconds)))}`);
  return parts.join(" · ");
}

/** Time left as a narrow place has room for it: "45 s", "7 min", "2.4 h". */
const roughly = (seconds: number): string => (seconds >= 3600 ? `${shortNumber(seconds / 3600, 2)} h` : duration(seconds < 60 ? Math.max(1, Math.round(seconds)) : Math.round(seconds / 60) * 60));

/** The same for a narrow place: "412/2,000 · 4 min left", "2,000 steps · 12 min". */
export function rowText(run: RunSummary): string {
  const preparing = run.step === 0 ? preparationText(run) : null;
  if (preparing) return preparing;
  const left = secondsLeft(run);
  const parts = [run.step >= run.steps ? counted(run.step, "step") : `${left === null ? "step " : ""}${run.step.toLocaleString("en")}/${run.steps.toLocaleString("en")}`];
  if (left !== null) parts.push(`${roughly(left)} left`);
  else if (run.seconds > 0) parts.push(duration(Math.max(1, Math.round(run.seconds))));
  return parts.join(" · ");
}

/** What a run does before its first step: "reading the data, 25%", "building the model". */
export function preparationText({ progress }: RunSummary): string | null {
  if (!progress) return null;
  const { phase, done, total, unit } = progress, words = phaseWords(phase);
  if (done === 0) return words;
  if (unit === "bytes" && total !== null) return `${words}, ${percent(Math.floor((100 * done) / total) / 100)}`;
  return `${words}, ${shortNumber(done)}${total === null ? "" : ` of ${shortNumber(total)}`} ${unit}`;
}

/** "just now", "5 min ago", "3 days ago". */
export function age(then: number, now: number): string {
  const seconds = Math.max(0, now - then);
  if (seconds < 45) return "just now";
  if (seconds < 86_400) return `${duration(Math.round(seconds / 60) * 60)} ago`;
  return `${counted(Math.round(seconds / 86_400), "day")} ago`;
}
