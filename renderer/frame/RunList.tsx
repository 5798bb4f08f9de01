// The rows of the list of runs. The list is one stop of the Tab key: the arrow keys move between rows, and within a row.
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { fromWire } from "../../contract/events.ts";
import type { RunSummary } from "../../contract/handlers.ts";
import { counted, shortNumber } from "../charts/quantity.ts";
import { chooseRun, toggleOverlay } from "../state/runActions.ts";
import { useView } from "../state/view.ts";
import { Icon } from "./Icon.tsx";
import { RunMenu } from "./RunMenu.tsx";
import { Swatch } from "./Swatch.tsx";
import { rowText, STATUS } from "./runText.ts";

const ROW_HEIGHT = 44;

/** The row that a key goes to; null for other keys. */
function rowAfter(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowUp": return Math.max(0, at - 1);
    case "ArrowDown": return Math.min(count - 1, at + 1);
    case "Home": return 0;
    case "End": return count - 1;
    default: return null;
  }
}

/** Left and right within a row: eye, name, menu. */
function moveWithin(row: Element, from: Element, by: number): void {
  const buttons = [...row.querySelectorAll<HTMLButtonElement>("button:enabled")];
  buttons[buttons.indexOf(from as HTMLButtonElement) + by]?.focus();
}

export function RunList({ runs }: { runs: RunSummary[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { run: chosen, overlaid, page } = useView();
  const [entered, setEntered] = useState<string | null>(null);
  const chosenIndex = runs.findIndex(({ id }) => id === chosen);
  const enteredIndex = runs.findIndex(({ id }) => id === entered);
  const stop = Math.max(0, enteredIndex >= 0 ? enteredIndex : chosenIndex);
  const rows = useVirtualizer({
    count: runs.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 8, getItemKey: (index) => runs[index]!.id,
    // The row that has the focus, or would get it, is there even when it is scrolled away.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), stop])].sort((a, b) => a - b),
  });
  useEffect(() => {
    if (chosenIndex >= 0) rows.scrollToIndex(chosenIndex, { align: "auto" });
  }, [chosenIndex, rows]);

  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>) => {
    const row = event.target instanceof Element ? event.target.closest(".run-row") : null;
    if (!row || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = rowAfter(event.key, stop, runs.length);
    if (next !== null) {
      setEntered(runs[next]!.id);
      rows.scrollToIndex(next, { align: "auto" });
      requestAnimationFrame(() => scroller.current?.querySelector<HTMLButtonElement>(`[data-run="${runs[next]!.id}"] .run-choice`)?.focus({ preventScroll: true }));
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") moveWithin(row, event.target as Element, event.key === "ArrowLeft" ? -1 : 1);
    else return;
    event.preventDefault();
  };
  return (
    <div className="run-list" ref={scroller}>
      <ul style={{ height: rows.getTotalSize() }} onKeyDown={onKeyDown} onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) setEntered(null); }}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <RunRow key={key} run={runs[index]!} top={start} chosen={index === chosenIndex && page !== "new"} inCharts={index === chosenIndex || overlaid.includes(runs[index]!.id)} stop={index === stop} enter={() => setEntered(runs[index]!.id)} position={index + 1} count={runs.length} />
        ))}
      </ul>
    </div>
  );
}

interface RunRowProps { run: RunSummary; top: number; chosen: boolean; inCharts: boolean; stop: boolean; enter: () => void; position: number; count: number }

function RunRow({ run, top, chosen, inCharts, stop, enter, position, count }: RunRowProps) {
  const { glyph, word } = STATUS[run.status];
  const loss = run.metrics["loss"]?.last;
  return (
    <li className="run-row" data-run={run.id} data-chosen={chosen} style={{ transform: `translateY(${top}px)` }} aria-setsize={count} aria-posinset={position} onFocus={enter}>
      <button type="button" className="eye" tabIndex={-1} aria-pressed={inCharts} aria-label={`${run.name} in the charts`} title={inCharts ? "In the charts" : "Lay over the chosen run"} disabled={chosen} onClick={() => toggleOverlay(run.id)}>
        {inCharts ? <Swatch colour={run.colour} /> : <Icon name="hidden" />}
      </button>
      <button type="button" className="run-choice" tabIndex={stop ? 0 : -1} aria-current={chosen ? "true" : undefined} onClick={() => chooseRun(run.id)}>
        <span className="run-name"><span className="status-glyph" data-status={run.status} role="img" aria-label={word} title={word}>{glyph}</span><bdi title={run.name}>{run.name}</bdi></span>
        <span className="run-loss number" title="Newest cross-entropy, in nats a token or image">{loss === undefined ? "" : shortNumber(fromWire(loss), 4)}</span>
        <span className="run-facts muted number">{run.archived ? "archived · " : ""}{run.host === null ? "" : `${run.host} · `}{rowText(run)}</span>
        {run.alerts > 0 && <span className="run-alerts number" title={counted(run.alerts, "alert")}><Icon name="warning" />{run.alerts}</span>}
      </button>
      <RunMenu run={run} label={`What to do with ${run.name}`} className="icon-button row-menu" tabIndex={-1}><Icon name="more" /></RunMenu>
    </li>
  );
}
