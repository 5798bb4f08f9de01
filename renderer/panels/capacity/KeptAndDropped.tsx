// What became of the tokens of each layer at a step: kept, dropped, and places left empty.
import { useMemo } from "react";
import { Bars, type BarPart } from "../../charts/Bars.tsx";
import { cssColour } from "../../charts/colourScale.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";
import { useChartTheme } from "../../charts/theme.ts";
import { choose, chosenRow, useChosen } from "../chosen.ts";
import { droppedFraction, layerLabel, layerName, padding } from "../routingFacts.ts";
import { droppedSentence } from "../routingSummaries.ts";
import type { RoutingView } from "../useLive.ts";

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const tokens = (value: number): string => value.toLocaleString("en");

export function KeptAndDropped({ view, height }: { view: RoutingView; height: number }) {
  const { rows, step } = view;
  const theme = useChartTheme();
  const { layer } = useChosen();
  const parts = useMemo((): BarPart[] => {
    const kept = rows.map((row) => total(row.kept));
    return [
      { key: "kept", name: "kept", colour: cssColour(theme.kept), values: kept },
      { key: "dropped", name: "dropped", colour: theme.droppedLine, values: rows.map((row, i) => total(row.load) - kept[i]!) },
      { key: "empty", name: "empty places", colour: theme.mutedText, hollow: true, values: rows.map((row, i) => row.experts * row.capacity * row.groups - kept[i]!) },
    ];
  }, [rows, theme]);
  const categories = useMemo(() => rows.map(layerLabel), [rows]);
  return (
    <Bars title="Kept and dropped by layer" definition="Tokens routed in each layer: kept by an expert, or dropped because the expert was full. Empty places are padding that is computed all the same."
      summary={step === null ? "" : droppedSentence(rows, step)} state={view.state} categories={categories} names={rows.map(layerName)} categoryTitle="layer" valueTitle="tokens" tick={(value) => shortNumber(value)}
      parts={parts} selected={layer ? chosenRow(rows, layer) : null} height={height} onSelect={(index) => choose({ layer: { stack: rows[index]!.stack, layer: rows[index]!.layer } })}
      describe={(index) => {
        const row = rows[index]!;
        const kept = total(row.kept);
        return [
          ["routed", `${tokens(total(row.load))} tokens`], ["kept", `${tokens(kept)} tokens`], ["dropped", `${tokens(total(row.load) - kept)} tokens, ${percent(droppedFraction(row))}`],
          ["places", `${tokens(row.experts * row.capacity * row.groups)}: ${row.experts} experts × ${row.capacity}${row.groups > 1 ? ` × ${row.groups} groups` : ""}`], ["padding", `${percent(padding(row))} of capacity`],
        ];
      }}
      table={() => ({
        columns: [{ name: "layer" }, { name: "routed", unit: "tokens" }, { name: "kept", unit: "tokens" }, { name: "dropped", unit: "tokens" }, { name: "dropped", unit: "of tokens" }, { name: "places" }, { name: "padding", unit: "of capacity" }],
        rows: rows.map((row) => [layerName(row), total(row.load), total(row.kept), total(row.load) - total(row.kept), droppedFraction(row), row.experts * row.capacity * row.groups, padding(row)]),
      })} />
  );
}
