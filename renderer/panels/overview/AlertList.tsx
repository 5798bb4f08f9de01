// What the trainer warned of, newest first, each with the step to look at.
import { useMemo } from "react";
import type { Alert } from "../../../contract/handlers.ts";
import { Figure, type FigureState } from "../../charts/Figure.tsx";
import { useChartLinks } from "../../charts/links.ts";
import { counted } from "../../charts/quantity.ts";
import { choose } from "../chosen.ts";
import { liveRuns, useRunLooks } from "../environment.tsx";
import { useStores } from "../useStores.ts";

const DEFINITION = "Dead expert, collapse, overload, drop rate, loss spike, non-finite number, stall, disk, failure: noticed by the trainer while it runs.";

export function AlertList({ runIds }: { runIds: readonly string[] }) {
  const looks = useRunLooks(runIds);
  const { scrub } = useChartLinks();
  const stores = useMemo(() => looks.map((look) => ({ look, store: liveRuns().get(look.id).alerts() })), [looks]);
  useStores(useMemo(() => stores.map(({ store }) => store), [stores]));
  const alerts = stores.flatMap(({ look, store }) => store.alerts.map((alert) => ({ look, alert }))).sort((a, b) => b.alert.t - a.alert.t || b.alert.step - a.alert.step);
  const failed = stores.find(({ store }) => store.status === "error");
  const state: FigureState = failed ? { kind: "error", message: failed.store.message!, retry: () => void failed.store.load() }
    : stores.some(({ store }) => store.status === "loading") ? { kind: "loading" } : { kind: "ready" };
  const errors = alerts.filter(({ alert }) => alert.level === "error").length;
  const summary = alerts.length === 0 ? "No alerts" : `${counted(alerts.length, "alert")}${errors > 0 ? `, ${counted(errors, "error")}` : ""}; the newest at step ${alerts[0]!.alert.step.toLocaleString("en")}`;
  const show = (id: string, alert: Alert) => {
    scrub(alert.step);
    if (alert.stack && alert.layer !== null) choose({ runId: id, layer: { stack: alert.stack, layer: alert.layer }, expert: alert.expert });
  };
  return (
    <Figure title="Alerts" definition={DEFINITION} summary={summary} state={state}
      table={() => ({ columns: [{ name: "run" }, { name: "step" }, { name: "level" }, { name: "kind" }, { name: "message" }], rows: alerts.map(({ look, alert }) => [look.name, alert.step, alert.level, alert.code, alert.message]) })}>
      {state.kind === "ready" && (alerts.length === 0
        ? <p className="figure-state figure-state-text">Nothing to warn of. Dead experts, overload, high drop rates, spikes and stalls would be listed here.</p>
        : <ul className="alerts">{alerts.slice(0, 200).map(({ look, alert }) => (
          <li key={`${look.id} ${alert.id}`} data-level={alert.level}>
            <svg width="14" height="14" viewBox="0 0 14 14" role="img" aria-label={alert.level}><path d={alert.level === "error" ? "M4.2 1h5.6L13 4.2v5.6L9.8 13H4.2L1 9.8V4.2zM4.8 4.8l4.4 4.4M9.2 4.8L4.8 9.2" : "M7 1.5L13 12.5H1zM7 5.5v3.5M7 11v.01"} fill="none" stroke="currentColor" strokeWidth="1.3" strokeLinecap="round" strokeLinejoin="round" /></svg>
            <p>{looks.length > 1 && <><bdi title={look.name}>{look.name}</bdi>: </>}{alert.message}</p>
            <button type="button" className="alert-step" title="Show this step in all panels" onClick={() => show(look.id, alert)}>step {alert.step.toLocaleString("en")}</button>
          </li>
        ))}</ul>)}
    </Figure>
  );
}
