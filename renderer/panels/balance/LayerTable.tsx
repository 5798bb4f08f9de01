// Every sparse layer at the step, in numbers.
import { Figure } from "../../charts/Figure.tsx";
import { counted, percent, shortNumber } from "../../charts/quantity.ts";
import type { DataTable } from "../../charts/table.ts";
import { choose, chosenRow, useChosen } from "../chosen.ts";
import { deadExperts, droppedFraction, layerKey, layerLabel, layerName, overload, padding } from "../routingFacts.ts";
import type { RoutingView } from "../useLive.ts";

const COLUMNS = [
  ["overload", "Max load ÷ mean load; 1 is perfect balance."], ["dead", "Experts with less than 10% of the fair share at this step."],
  ["dropped", "Share of tokens that reached no expert."], ["padding", "Share of capacity that no token used."],
  ["aux. loss", "E·Σ f·P before α; 1 is uniform routing."], ["entropy", "Mean over tokens of −Σ p log p, in nats."], ["confidence", "Mean probability of the chosen expert."],
] as const;

export function LayerTable({ view }: { view: RoutingView }) {
  const { rows, step } = view;
  const { layer } = useChosen();
  const chosen = layer ? chosenRow(rows, layer) : -1;
  const dead = rows.reduce((total, row) => total + deadExperts(row.load).length, 0);
  const worst = rows.reduce<(typeof rows)[number] | null>((found, row) => (found && overload(found.load) >= overload(row.load) ? found : row), null);
  const summary = worst && step !== null
    ? `At step ${step.toLocaleString("en")} overload is greatest in ${layerName(worst)}: ${shortNumber(overload(worst.load), 3)}× the mean; ${dead === 0 ? "no dead experts" : `${counted(dead, "dead expert")}`}`
    : "";
  return (
    <Figure title="Balance by layer" definition="Numbers of each sparse layer at the step shown." summary={summary} state={view.state} table={(): DataTable => ({
      columns: [{ name: "layer" }, { name: "overload", unit: "× mean load" }, { name: "dead experts" }, { name: "dropped", unit: "of tokens" }, { name: "padding", unit: "of capacity" }, { name: "auxiliary loss", unit: "" }, { name: "entropy", unit: "nats" }, { name: "confidence", unit: "probability" }],
      rows: rows.map((row) => [layerName(row), overload(row.load), deadExperts(row.load).length, droppedFraction(row), padding(row), Number(row.auxiliaryLoss), Number(row.entropy), Number(row.confidence)]),
    })}>
      {view.state.kind === "ready" && (
        <div className="layer-table" tabIndex={0} role="region" aria-label="Balance by layer">
          <table>
            <thead><tr><th scope="col">layer</th>{COLUMNS.map(([name, definition]) => <th key={name} scope="col" title={definition}>{name}</th>)}</tr></thead>
            <tbody>{rows.map((row, i) => {
              const deadHere = deadExperts(row.load);
              const drop = droppedFraction(row);
              return (
                <tr key={layerKey(row)} aria-selected={i === chosen}>
                  <th scope="row"><button type="button" onClick={() => choose({ layer: { stack: row.stack, layer: row.layer } })} title={layerName(row)}>{layerLabel(row)}</button></th>
                  <td title={String(overload(row.load))}>{shortNumber(overload(row.load), 3)}×</td>
                  <td className={deadHere.length > 0 ? "dead" : undefined} title={deadHere.length > 0 ? `experts ${deadHere.join(", ")}` : undefined}>{deadHere.length} of {row.experts}</td>
                  <td className={drop > 0 ? "dropped" : undefined} title={String(drop)}>{percent(drop, 2)}</td>
                  <td title={String(padding(row))}>{percent(padding(row), 2)}</td>
                  <td title={String(row.auxiliaryLoss)}>{shortNumber(Number(row.auxiliaryLoss))}</td>
                  <td title={String(row.entropy)}>{shortNumber(Number(row.entropy), 3)}</td>
                  <td title={String(row.confidence)}>{shortNumber(Number(row.confidence), 3)}</td>
                </tr>
              );
            })}</tbody>
          </table>
        </div>
      )}
    </Figure>
  );
}
