// What became of the tokens of each layer at a step: kept, rerouted, dropped, and places left empty.
import { useMemo } from "react";
import { Bars, type BarPart } from "../../charts/Bars.tsx";
import { cssColour } from "../../charts/colourScale.ts";
import { percent, shortNumber } from "../../charts/quantity.ts";
import { useChartTheme } from "../../charts/theme.ts";
import { choose, chosenRow, useChosen } from "../chosen.ts";
import { choicesPerToken, droppedFraction, expertsPerToken, fateOf, layerLabel, layerName, padding } from "../routingFacts.ts";
import { droppedSentence } from "../routingSummaries.ts";
import type { RoutingView } from "../useLive.ts";

const tokens = (value: number): string => value.toLocaleString("en");
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

export function KeptAndDropped({ view, height }: { view: RoutingView; height: number }) {
  const { rows, step } = view;
  const theme = useChartTheme();
  const { layer } = useChosen();
  const fates = useMemo(() => rows.map(fateOf), [rows]);
  // With several experts a token the bars count choices, of which a token has several.
  const several = rows.some((row) => choicesPerToken(row) > 1 || expertsPerToken(row) > 1);
  const rerouted = fates.some((fate) => fate.rerouted > 0), unserved = fates.some((fate) => fate.unserved > 0);
  const parts = useMemo((): BarPart[] => [
    { key: "kept", name: "kept", colour: cssColour(theme.kept), values: fates.map((fate) => fate.kept) },
    ...(rerouted ? [{ key: "rerouted", name: "rerouted in", colour: theme.accent, values: fates.map((fate) => fate.rerouted) }] : []),
    ...(unserved ? [{ key: "unserved", name: "choices without a place", colour: theme.mutedLine, values: fates.map((fate) => fate.unserved) }] : []),
    { key: "dropped", name: "dropped tokens", colour: theme.droppedLine, values: fates.map((fate) => fate.dropped) },
    { key: "empty", name: "empty places", colour: theme.mutedText, hollow: true, values: fates.map((fate) => fate.empty) },
  ], [fates, rerouted, unserved, theme]);
  const categories = useMemo(() => rows.map(layerLabel), [rows]);
  return (
    <Bars title="Kept and dropped by layer" definition="Tokens routed in each layer: kept by an expert that they chose, rerouted to another one because that was full, or dropped because none took them. With several experts a token each of its choices counts. Empty places are padding."
      summary={step === null ? "" : droppedSentence(rows, step)} state={view.state} categories={categories} names={rows.map(layerName)} categoryTitle="layer" valueTitle={several ? "tokens × experts" : "tokens"} tick={(value) => shortNumber(value)}
      parts={parts} selected={layer ? chosenRow(rows, layer) : null} height={height} onSelect={(index) => choose({ layer: { stack: rows[index]!.stack, layer: rows[index]!.layer } })}
      describe={(index) => {
        const row = rows[index]!, fate = fates[index]!;
        return [
          ["routed", `${tokens(row.tokens)} tokens${several ? `, ${tokens(total(row.load))} choices` : ""}`], ["kept", tokens(fate.kept)],
          ...(rerouted ? [["rerouted in", `${tokens(fate.rerouted)} from full experts`] as const] : []),
          ...(unserved ? [["without a place", `${tokens(fate.unserved)} choices of tokens that another expert computed`] as const] : []),
          ["dropped", `${tokens(fate.dropped)} tokens, ${percent(droppedFraction(row))}`],
          ...(several ? [["experts a token", shortNumber(expertsPerToken(row), 4)] as const] : []),
          ["places", `${tokens(row.experts * row.capacity * row.groups)}: ${row.experts} experts × ${row.capacity}${row.groups > 1 ? ` × ${row.groups} groups` : ""}`], ["padding", `${percent(padding(row))} of capacity`],
        ];
      }}
      table={() => ({
        columns: [
          { name: "layer" }, { name: "routed", unit: "tokens" }, { name: "choices" }, { name: "kept" }, { name: "rerouted in" }, { name: "choices without a place" }, { name: "dropped", unit: "tokens" }, { name: "dropped", unit: "of tokens" },
          { name: "experts a token" }, { name: "places" }, { name: "padding", unit: "of capacity" },
        ],
        rows: rows.map((row, i) => {
          const { kept, rerouted: into, unserved: without, dropped } = fates[i]!;
          return [layerName(row), row.tokens, total(row.load), kept, into, without, dropped, droppedFraction(row), expertsPerToken(row), row.experts * row.capacity * row.groups, padding(row)];
        }),
      })} />
  );
}
