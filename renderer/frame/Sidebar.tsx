// The left side: how many runs there are, the filter, and the list of them.
import { useEffect, useMemo, useRef, type KeyboardEvent, type PointerEvent } from "react";
import { useRequest } from "../connection/index.ts";
import { setFilter, useFilter } from "../state/filter.ts";
import { listed, matching, useRuns } from "../state/runs.ts";
import { changeSettings, clampWidth, SIDEBAR_WIDTH, useSettings } from "../state/settings.ts";
import { lowerSidebar } from "../state/sidebar.ts";
import { newRun } from "../state/runActions.ts";
import { setView, useView } from "../state/view.ts";
import { Icon } from "./Icon.tsx";
import { SidebarHosts } from "../hosts/SidebarHosts.tsx";
import { RunList } from "./RunList.tsx";

/** @param above whether it lies above the run: it takes the focus then, and Escape gives it back */
export function Sidebar({ above }: { above: boolean }) {
  const aside = useRef<HTMLElement>(null);
  useEffect(() => {
    if (above) aside.current?.querySelector<HTMLElement>("button")?.focus();
  }, [above]);
  const leave = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    lowerSidebar();
    document.querySelector<HTMLElement>(".top-bar button")?.focus();
  };
  const { runs, loaded } = useRuns();
  const { sidebarWidth, showArchived } = useSettings();
  const filter = useFilter();
  const present = useMemo(() => listed(runs, true), [runs]);
  const archived = present.reduce((count, run) => count + (run.archived ? 1 : 0), 0);
  const offered = useMemo(() => listed(present, showArchived), [present, showArchived]);
  const shown = useMemo(() => matching(offered, filter), [offered, filter]);
  const count = shown.length === offered.length ? shown.length.toLocaleString("en") : `${shown.length.toLocaleString("en")} of ${offered.length.toLocaleString("en")}`;
  return (
    <aside ref={aside} className="sidebar" data-above={above} aria-label="Runs" style={{ width: sidebarWidth }} onKeyDown={above ? leave : undefined}>
      <div className="sidebar-head">
        <h2>Runs <span className="muted number">{loaded ? count : ""}</span></h2>
        <button type="button" className="button" onClick={newRun}><Icon name="plus" />New run</button>
      </div>
      {present.length > 0 && (
        <div className="sidebar-filter">
          <input id="run-filter" className="input" type="search" placeholder="Filter by name, tag or state" aria-label="Filter the runs" value={filter} onChange={(event) => setFilter(event.target.value)} />
          {archived > 0 && <label className="check"><input type="checkbox" checked={showArchived} onChange={(event) => changeSettings({ showArchived: event.target.checked })} />Show {archived} archived</label>}
        </div>
      )}
      {shown.length > 0 ? <RunList runs={shown} /> : <EmptyList loaded={loaded} filter={filter} hidden={present.length} clear={() => setFilter("")} />}
      <SidebarHosts />
      <ModelsLink />
      <PlanLink />
      {!above && <ResizeHandle />}
    </aside>
  );
}

function ModelsLink() {
  const { page } = useView();
  const { data: models } = useRequest("models.list", {});
  return <button type="button" className="sidebar-foot" aria-current={page === "models" || page === "generate" ? "page" : undefined} onClick={() => setView({ page: "models" })}>Imported models <span className="muted number">{models && models.length > 0 ? models.length.toLocaleString("en") : ""}</span></button>;
}

function PlanLink() {
  const { page } = useView();
  return <button type="button" className="sidebar-foot" aria-current={page === "plan" ? "page" : undefined} onClick={() => setView({ page: "plan" })}>Plan for other devices</button>;
}

function EmptyList({ loaded, filter, hidden, clear }: { loaded: boolean; filter: string; hidden: number; clear: () => void }) {
  if (!loaded) return <p className="sidebar-empty muted">Reading the runs…</p>;
  if (filter) return <p className="sidebar-empty muted">No run matches “{filter}”. <button type="button" className="link" onClick={clear}>Show all</button></p>;
  if (hidden > 0) return <p className="sidebar-empty muted">All runs are archived.</p>;
  return <p className="sidebar-empty muted">No runs yet.</p>;
}

/** A separator that can be dragged, and moved with the arrow keys. */
function ResizeHandle() {
  const { sidebarWidth } = useSettings();
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1) return;
    changeSettings({ sidebarWidth: clampWidth(event.clientX) });
  };
  return (
    <div className="resize-handle" role="separator" aria-orientation="vertical" aria-label="Width of the list of runs" tabIndex={0}
      aria-valuemin={SIDEBAR_WIDTH.least} aria-valuemax={SIDEBAR_WIDTH.greatest} aria-valuenow={sidebarWidth}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)} onPointerMove={drag}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? -16 : event.key === "ArrowRight" ? 16 : 0;
        if (by) changeSettings({ sidebarWidth: clampWidth(sidebarWidth + by) });
      }} />
  );
}
