// The step that every panel shows: a slider over the recorded steps, and "follow" for the newest.
import { indexAtOrBefore } from "../charts/bucketSeries.ts";
import { ToolButton } from "../charts/Figure.tsx";
import { useChartLinks } from "../charts/links.ts";

export function StepScrubber({ steps, shown }: { steps: readonly number[]; shown: number | null }) {
  const { step, scrub } = useChartLinks();
  const last = steps.length - 1;
  const at = step === null ? last : Math.max(0, indexAtOrBefore(steps, steps.length, step));
  const go = (index: number) => scrub(steps[Math.min(last, Math.max(0, index))] ?? null);
  const following = step === null;
  const text = shown === null ? "–" : shown.toLocaleString("en");
  return (
    <div className="scrubber" role="group" aria-label="Step shown by all panels">
      <ToolButton label="Earlier recorded step" icon="earlier" disabled={last < 1 || at <= 0} onClick={() => go(at - 1)} />
      <input type="range" min={0} max={Math.max(0, last)} step={1} value={Math.max(0, at)} disabled={last < 1} aria-label="Recorded step" aria-valuetext={`step ${text}`} onChange={(event) => go(Number(event.target.value))} />
      <ToolButton label="Later recorded step" icon="later" disabled={last < 1 || at >= last} onClick={() => go(at + 1)} />
      <output>step {text}</output>
      <button type="button" className="bar-button" aria-pressed={following} title="Show the newest step as it comes" disabled={last < 0} onClick={() => scrub(following ? (steps[last] ?? null) : null)}>{following ? "Following newest" : "Follow newest"}</button>
    </div>
  );
}
