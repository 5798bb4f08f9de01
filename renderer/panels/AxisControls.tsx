// How all line charts of the view are drawn: the x axis, logarithms, smoothing, and the way back from a zoom.
import { useId } from "react";
import type { XAxis } from "../charts/bucketSeries.ts";
import { useChartLinks } from "../charts/links.ts";

const AXES: readonly [value: XAxis, label: string][] = [["step", "steps"], ["tokens", "tokens"], ["time", "time"]];

export function AxisControls() {
  const { axis, logX, logY, smoothing, range, set, zoom } = useChartLinks();
  const id = useId();
  return (
    <div className="axis-controls" role="group" aria-label="Line charts">
      <label className="bar-field">x
        <select value={axis} onChange={(event) => set({ axis: event.target.value as XAxis })}>
          {AXES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
      </label>
      <button type="button" className="bar-button" aria-pressed={logX} title="Logarithmic x axis" onClick={() => set({ logX: !logX })}>log x</button>
      <button type="button" className="bar-button" aria-pressed={logY} title="Logarithmic y axis, where 0 isn't a normal value" onClick={() => set({ logY: !logY })}>log y</button>
      <span className="bar-field" title="Exponential moving average; the values themselves stay visible behind it">
        <label htmlFor={id}>smoothing</label>
        <input id={id} type="range" min={0} max={0.99} step={0.01} value={smoothing} onChange={(event) => set({ smoothing: Number(event.target.value) })} />
        <output htmlFor={id}>{smoothing.toFixed(2)}</output>
      </span>
      {range && <button type="button" className="bar-button" onClick={() => zoom(null)}>Show all steps</button>}
    </div>
  );
}
