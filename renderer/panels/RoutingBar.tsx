// The bar above the routing, capacity and balance panels: whose routing, which step, which layer.
import type { RoutingRow } from "../../contract/handlers.ts";
import { useRunLooks } from "./environment.tsx";
import { choose, chosenRow, useChosen } from "./chosen.ts";
import { layerKey, layerName } from "./routingFacts.ts";
import { StepScrubber } from "./StepScrubber.tsx";
import { useLiveRun, type RoutingView } from "./useLive.ts";

/** The run whose routing is shown: the one picked, otherwise the primary. */
export function usePickedRun(runIds: readonly string[], primary: string): string {
  const { runId } = useChosen();
  return runId && runIds.includes(runId) ? runId : primary;
}

export function RoutingBar({ runIds, picked, view, layers = true }: { runIds: readonly string[]; picked: string; view: RoutingView; layers?: boolean }) {
  const looks = useRunLooks(runIds);
  const { layer } = useChosen();
  const at = chosenRow(view.rows, layer);
  const vision = useLiveRun(picked).detail?.spec.model.architecture === "vision";
  return (
    <>
      {looks.length > 1 && (
        <label className="bar-field">Routing of
          <select value={picked} onChange={(event) => choose({ runId: event.target.value, layer: null, expert: null })}>
            {looks.map((look) => <option key={look.id} value={look.id}>{look.name}</option>)}
          </select>
        </label>
      )}
      <StepScrubber steps={view.steps} shown={view.step} />
      {vision && <span className="muted">Tokens are patches of the images.</span>}
      {layers && view.rows.length > 1 && (
        <label className="bar-field">Layer
          <select value={at < 0 ? "" : layerKey(view.rows[at]!)} onChange={(event) => chooseByKey(view.rows, event.target.value)}>
            {view.rows.map((row) => <option key={layerKey(row)} value={layerKey(row)}>{layerName(row)}</option>)}
          </select>
        </label>
      )}
    </>
  );
}

function chooseByKey(rows: readonly RoutingRow[], key: string): void {
  const row = rows.find((other) => layerKey(other) === key);
  if (row) choose({ layer: { stack: row.stack, layer: row.layer } });
}
