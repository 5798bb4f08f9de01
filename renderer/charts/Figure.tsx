// The frame of every chart: caption, summary in words, tools (table, CSV, picture), and the designed states besides "here
// is the data": loading, nothing yet, not recorded, outside the zoom, error.
import { createContext, useContext, useId, useState, type ReactNode } from "react";
import { saveCsv, savePng, type Picture } from "./download.ts";
import { cellText, thinned, toCsv, type DataTable } from "./table.ts";
import { useChartTheme } from "./theme.ts";
import "./charts.css";

export type FigureState =
  | { kind: "ready" }
  | { kind: "loading" }
  /** Nothing yet: what to do or wait for. */
  | { kind: "empty"; message: string }
  /** The run does not measure this. Never shown as zero. */
  | { kind: "absent"; message: string }
  /** There is data, but none of it in the zoom. */
  | { kind: "outside"; message: string; showAll: () => void }
  | { kind: "error"; message: string; retry?: () => void };

/** What the place of a figure in its panel can do: set by the panel's grid. */
export interface FigurePlace {
  maximised: boolean;
  toggleMaximised: () => void;
  /** Attributes that make the caption a handle to drag by. */
  handle: React.HTMLAttributes<HTMLElement>;
  /** Puts the figure one place earlier or later; null at the ends. */
  moveEarlier: (() => void) | null;
  moveLater: (() => void) | null;
}
export const FigurePlaceContext = createContext<FigurePlace | null>(null);

export interface FigureProps {
  title: string;
  /** Hover text and description of what is measured. */
  definition?: string;
  summary: string;
  state: FigureState;
  /** Shown at the right of the caption. */
  controls?: ReactNode;
  /** Read only when asked for. */
  table?: () => DataTable;
  picture?: () => Picture;
  children: ReactNode;
}

/** Rows of the table on the page; the CSV has all that the chart has. */
const TABLE_ROWS = 200;

export function Figure({ title, definition, summary, state, controls, table, picture, children }: FigureProps) {
  const [showTable, setShowTable] = useState(false);
  const place = useContext(FigurePlaceContext);
  const theme = useChartTheme();
  const summaryId = useId();
  const ready = state.kind === "ready", sentence = summary.charAt(0).toUpperCase() + summary.slice(1);
  return (
    <figure className="figure" aria-describedby={summaryId}>
      <figcaption className="figure-head">
        <h2 className="figure-title" title={definition} {...place?.handle}>{title}</h2>
        <div className="figure-tools">
          {controls}
          <span className="figure-buttons">
            {place?.moveEarlier && !place.maximised && <ToolButton label="Move earlier" icon="earlier" quiet onClick={place.moveEarlier} />}
            {place?.moveLater && !place.maximised && <ToolButton label="Move later" icon="later" quiet onClick={place.moveLater} />}
            {table && <ToolButton label={showTable ? "Show the chart" : "Show as a table"} icon={showTable ? "chart" : "table"} pressed={showTable} disabled={!ready} onClick={() => setShowTable(!showTable)} />}
            {table && <ToolButton label="Save as CSV" icon="csv" disabled={!ready} onClick={() => saveCsv(toCsv(table()), title)} />}
            {picture && <ToolButton label="Save as PNG" icon="picture" disabled={!ready || showTable} onClick={() => savePng(picture(), theme)} />}
            {place && <ToolButton label={place.maximised ? "Back to the grid" : "Fill the panel"} icon={place.maximised ? "restore" : "maximise"} pressed={place.maximised} onClick={place.toggleMaximised} />}
          </span>
        </div>
        <p className="figure-summary" id={summaryId} title={sentence}>{ready ? sentence : "\u00a0"}</p>
      </figcaption>
      <div className="figure-body">
        {ready && showTable && table && <FigureTable title={title} table={table()} />}
        {/* Hidden rather than removed: the chart keeps its canvas and what it has drawn. */}
        <div className="figure-chart" hidden={ready && showTable}>{children}</div>
        {!ready && <StateMessage state={state} />}
      </div>
    </figure>
  );
}

const STATE_TITLES = { empty: "Nothing yet.", absent: "Not recorded.", outside: "Nothing here.", error: "Could not be loaded." } as const;

function StateMessage({ state }: { state: Exclude<FigureState, { kind: "ready" }> }) {
  if (state.kind === "loading") return <div className="figure-state" role="status"><span className="figure-skeleton" aria-hidden="true" /><span className="figure-state-text">Loading…</span></div>;
  return (
    <div className="figure-state" data-kind={state.kind} role={state.kind === "error" ? "alert" : "status"}>
      <p className="figure-state-text"><b>{STATE_TITLES[state.kind]}</b> {state.message}</p>
      {state.kind === "error" && state.retry && <button type="button" className="figure-retry" onClick={state.retry}>Try again</button>}
      {state.kind === "outside" && <button type="button" className="figure-retry" onClick={state.showAll}>Show all steps</button>}
    </div>
  );
}

function FigureTable({ title, table }: { title: string; table: DataTable }) {
  const rows = thinned(table.rows, TABLE_ROWS);
  const thin = rows.length < table.rows.length;
  return (
    <div className="figure-table" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
      <table>
        {(thin || table.note) && <caption>{thin && `${rows.length} of ${table.rows.length.toLocaleString("en")} rows; the CSV has all of them. `}{table.note}</caption>}
        <thead><tr>{table.columns.map((column, i) => <th key={i} scope="col">{column.name}{column.unit ? <span className="figure-unit"> {column.unit}</span> : null}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, i) => <tr key={i}>{table.columns.map((column, c) => <td key={c} className={typeof row[c] === "string" ? "text" : undefined} title={typeof row[c] === "number" ? String(row[c]) : undefined}>{cellText(row[c], column)}</td>)}</tr>)}
        </tbody>
      </table>
    </div>
  );
}

/** Drawn here rather than as a font or files: 16 pixels, one stroke, the colour of the text. */
const ICONS = {
  table: "M2 3h12v10H2zM2 6.5h12M2 10h12M6.5 6.5V13",
  chart: "M2 2v12h12M4 10l3-4 3 2 4-5",
  csv: "M8 2v8M5 7l3 3 3-3M2 13h12",
  picture: "M2 3h12v10H2zM2 11l4-4 3 3 2-2 3 3M10.5 6.2h.01",
  earlier: "M10 3L5 8l5 5",
  later: "M6 3l5 5-5 5",
  maximise: "M9.5 2H14v4.5M14 2L9 7M6.5 14H2V9.5M2 14l5-5",
  restore: "M14 6.5H9.5V2M9.5 6.5L14 2M2 9.5h4.5V14M6.5 9.5L2 14",
} as const;

export function ToolButton({ label, icon, pressed, disabled, quiet, onClick }: { label: string; icon: keyof typeof ICONS; pressed?: boolean; disabled?: boolean; /** Seen only while the figure is pointed at or holds the focus. */ quiet?: boolean; onClick: () => void }) {
  return (
    <button type="button" className={quiet ? "tool-button quiet" : "tool-button"} title={label} aria-label={label} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d={ICONS[icon]} fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" /></svg>
    </button>
  );
}
