// Which mark is which expert, and how many of the tokens shown went to each.
import type { CSSProperties } from "react";
import type { SparseLayer, TextToken } from "../../contract/generation.ts";
import { expertCounts, expertMark, layerName } from "./tokenView.ts";

/** @param index place of the layer among those of its stack. */
export function ExpertLegend({ tokens, layer, index }: { tokens: readonly TextToken[]; layer: SparseLayer; index: number }) {
  const counts = expertCounts(tokens, index, layer.experts);
  const used = counts.filter(({ tokens: count }) => count > 0), idle = counts.length - used.length;
  return (
    <ul className="expert-legend number" aria-label={`Tokens by expert of ${layerName(layer)}`}>
      {used.map(({ expert, tokens: count }) => {
        const { colour, line } = expertMark(expert);
        return <li key={expert}><span className="token" data-by="expert" data-marked="true" style={{ "--mark": colour, "--line": line } as CSSProperties}>{expert}</span> {count.toLocaleString("en")}</li>;
      })}
      {idle > 0 && <li className="muted">{used.length === 0 ? "no token was read yet" : `${idle.toLocaleString("en")} experts got none`}</li>}
    </ul>
  );
}
