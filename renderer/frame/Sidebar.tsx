// The list of runs: state, colour, name, newest loss; filter, eye and menu.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type PointerEvent } from "react";
import { fromWire } from "../../contract/events.ts";
import type { RunSummary } from "../../contract/handlers.ts";
import { shortNumber } from "../charts/quantity.ts";
import { chooseRun, toggleOverlay } from "../state/runActions.ts";
import { matching, useRuns } from "../state/runs.ts";
import { changeSettings, clampWidth, SIDEBAR_WIDTH, useSettings } from "../state/settings.ts";
import { setView, useView } from "../state/view.ts";
import { Icon } from "./Icon.tsx";
import { RunMenu } from "./RunMenu.tsx";
import { Swatch } from "./Swatch.tsx";
import { progressText, STATUS } from "./runText.ts";

const ROW_HEIGHT = 44;

export function Sidebar() {
  const { runs, loaded } = useRuns();
  const { sidebarWidth, showArchived } = useSettings();
  const [filter, setFilter] = useState("");
  const present = useMemo(() => runs.filter((run) => run.deletedAt === null), [runs]);
  const archived = present.reduce((count, run) => count + (run.archived ? 1 : 0), 0);
  const shown = useMemo(() => matching(present.filter((run) => showArchived || !run.archived), filter), [present, showArchived, filter]);
  return (
    <aside className="sidebar" aria-label="Runs" style={{ width: sidebarWidth }}>
      <div className="sidebar-head">
        <h2>Runs <span className="muted number">{loaded ? present.length.toLocaleString("en") : ""}</span></h2>
        <button type="button" className="button" onClick={() => setView({ page: "new", source: null })}><Icon name="plus" />New run</button>
      </div>
      {present.length > 0 && (
        <div className="sidebar-filter">
          <input id="run-filter" className="input" type="search" placeholder="Filter by name, tag or state" aria-label="Filter the runs" value={filter} onChange={(event) => setFilter(event.target.value)} />
          {archived > 0 && <label className="check"><input type="checkbox" checked={showArchived} onChange={(event) => changeSettings({ showArchived: event.target.checked })} />Show {archived} archived</label>}
        </div>
      )}
      {shown.length > 0 ? <RunList runs={shown} /> : <EmptyList loaded={loaded} filter={filter} hidden={present.length} clear={() => setFilter("")} />}
      <ResizeHandle />
    </aside>
  );
}

function EmptyList({ loaded, filter, hidden, clear }: { loaded: boolean; filter: string; hidden: number; clear: () => void }) {
  if (!loaded) return <p className="sidebar-empty muted">Reading the runs…</p>;
  if (filter) return <p className="sidebar-empty muted">No run matches “{filter}”. <button type="button" className="link" onClick={clear}>Show all</button></p>;
  if (hidden > 0) return <p className="sidebar-empty muted">All runs are archived.</p>;
  return <p className="sidebar-empty muted">No runs yet.</p>;
}

function RunList({ runs }: { runs: RunSummary[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { run: chosen, overlaid, page } = useView();
  const rows = useVirtualizer({ count: runs.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 8, getItemKey: (index) => runs[index]!.id });
  const chosenIndex = runs.findIndex(({ id }) => id === chosen);
  useEffect(() => {
    if (chosenIndex >= 0) rows.scrollToIndex(chosenIndex, { align: "auto" });
  }, [chosenIndex, rows]);
  return (
    <div className="run-list" ref={scroller}>
      <ul style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <RunRow key={key} run={runs[index]!} top={start} chosen={index === chosenIndex && page !== "new"} inCharts={index === chosenIndex || overlaid.includes(runs[index]!.id)} position={index + 1} count={runs.length} />
        ))}
      </ul>
    </div>
  );
}

interface RunRowProps { run: RunSummary; top: number; chosen: boolean; inCharts: boolean; position: number; count: number }

function RunRow({ run, top, chosen, inCharts, position, count }: RunRowProps) {
  const { glyph, word } = STATUS[run.status];
  const loss = run.metrics["loss"]?.last;
  return (
    <li className="run-row" data-chosen={chosen} style={{ transform: `translateY(${top}px)` }} aria-setsize={count} aria-posinset={position}>
      <button type="button" className="eye" aria-pressed={inCharts} aria-label={`${run.name} in the charts`} title={inCharts ? "In the charts" : "Lay over the chosen run"} disabled={chosen} onClick={() => toggleOverlay(run.id)}>
        {inCharts ? <Swatch colour={run.colour} /> : <Icon name="hidden" />}
      </button>
      <button type="button" className="run-choice" aria-current={chosen ? "true" : undefined} onClick={() => chooseRun(run.id)}>
        <span className="run-name"><span className="status-glyph" data-status={run.status} role="img" aria-label={word} title={word}>{glyph}</span><bdi title={run.name}>{run.name}</bdi></span>
        <span className="run-loss number" title="Newest cross-entropy, nats/token">{loss === undefined ? "" : shortNumber(fromWire(loss), 4)}</span>
        <span className="run-facts muted number">{progressText(run)}{run.archived ? " · archived" : ""}</span>
        {run.alerts > 0 && <span className="run-alerts number" title={`${run.alerts} alerts`}><Icon name="warning" />{run.alerts}</span>}
      </button>
      <RunMenu run={run} label={`What to do with ${run.name}`} className="icon-button row-menu"><Icon name="more" /></RunMenu>
    </li>
  );
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
