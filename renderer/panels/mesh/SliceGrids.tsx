// The ranks as tiles, once for each thing that is split: tiles of one colour hold the same slice. After the figure of Mesh TensorFlow's
// partitionings in the Switch paper (2101.03961, figure 9): weights above, data below.
import type { RunSpec } from "../../../contract/runSpec.ts";
import { Figure, type FigureState } from "../../charts/Figure.tsx";
import { counted } from "../../charts/quantity.ts";
import { slicesOf, type Slice, type Slices } from "./slices.ts";

const COLOURS = 10;
type Kind = Exclude<keyof Slices, "rank">;
const KINDS: readonly { kind: Kind; title: string; noun: string }[] = [
  { kind: "dense", title: "Weights of attention and dense layers", noun: "slice" },
  { kind: "experts", title: "Weights of experts", noun: "slice" },
  { kind: "batch", title: "Data: sequences of the batch", noun: "share" },
];

export function SliceGrids({ spec, state }: { spec: RunSpec | null; state: FigureState }) {
  const slices = spec ? slicesOf(spec) : [], mesh = spec?.mesh;
  const summary = mesh ? `${counted(slices.length, "rank")}: data ${mesh.data} × expert ${mesh.expert} × model ${mesh.model}. Tiles of one colour hold the same slice; a row is one place along data and expert.` : "";
  return (
    <Figure title="Which rank holds what" definition="Batch rows are split over data × expert, experts over expert, attention heads and feed-forward columns over model; embeddings, norms and routers are on every rank."
      summary={summary} state={state} table={() => ({
        columns: [{ name: "rank" }, ...KINDS.map(({ title }) => ({ name: title }))],
        rows: slices.map((slice) => [slice.rank, ...KINDS.map(({ kind }) => slice[kind]?.text ?? "none")]),
      })}>
      {state.kind === "ready" && mesh && (
        <div className="slice-grids">
          {KINDS.map(({ kind, title, noun }) => {
            const held = slices.map((slice) => slice[kind]).filter((slice): slice is Slice => slice !== null), parts = new Set(held.map(({ number }) => number)).size;
            return held.length > 0 && (
              <section key={kind} className="slice-grid" aria-label={title}>
                <h3>{title}</h3>
                <p className="muted">{parts === 1 ? "whole on every rank" : `${counted(parts, noun)}, ${slices.length === parts ? "each on one rank" : `each on ${slices.length / parts} ranks`}`}</p>
                <div className="slice-tiles" style={{ gridTemplateColumns: `repeat(${mesh.model}, minmax(0, 1fr))` }}>
                  {held.map(({ number, text }, rank) => (
                    <div key={rank} className="slice-tile" title={`rank ${rank}: ${text}`} style={{ "--swatch": `var(--run-${number % COLOURS})` } as React.CSSProperties}>
                      <b className="number">{rank}</b><span>{text}</span>
                    </div>
                  ))}
                </div>
              </section>
            );
          })}
        </div>
      )}
    </Figure>
  );
}
