// What the trainer says, live; and what its process printed.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { clockTime } from "../charts/moment.ts";
import type { LogLine } from "../../contract/handlers.ts";
import { passedOverSentence } from "../../contract/passedOver.ts";
import { counted } from "../charts/quantity.ts";
import { client, sentenceOf, useRequest, useRunChanges } from "../connection/index.ts";
import { setView } from "../state/view.ts";
import { filterLines, mergeLines, type Level } from "./logLines.ts";
import { TabState } from "./TabState.tsx";
import "./tabs.css";

const PAGE = 2000;
const LEVELS: Record<Level, string> = { info: "all lines", warning: "warnings and errors", error: "errors" };

/** The newest lines, those that come, and older ones on demand. The component is keyed by the run. */
function useLog(runId: string) {
  const { data: detail, error } = useRequest("runs.get", { runId });
  const [lines, setLines] = useState<LogLine[] | null>(null);
  const [whole, setWhole] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const cursor = detail?.cursor;
  const read = (before?: number) => client.send("runs.log", { runId, limit: PAGE, ...(before === undefined ? {} : { before }) }).then((more) => {
    setWhole(more.length < PAGE);
    setLines((known) => mergeLines(known ?? [], more));
  }, (problem: unknown) => setFailure(sentenceOf(problem)));
  const ready = cursor !== undefined;
  useEffect(() => {
    if (ready) void read();
  }, [runId, ready]);
  useRunChanges(runId, cursor, (rows) => {
    if (rows.log.length > 0) setLines((known) => mergeLines(known ?? [], rows.log));
  });
  return { lines, whole, passedOver: detail ? passedOverSentence(detail.passedOver) : null, error: error ?? (failure ? new Error(failure) : null), older: () => void read(lines?.[0]?.id) };
}

export function LogTab({ runId }: { runId: string }) {
  const [shown, setShown] = useState<"log" | "output">("log");
  return (
    <div className="tab-page log-page">
      {shown === "log" ? <Log key={runId} runId={runId} switcher={<Switcher shown={shown} show={setShown} />} /> : <Output runId={runId} switcher={<Switcher shown={shown} show={setShown} />} />}
    </div>
  );
}

function Switcher({ shown, show }: { shown: "log" | "output"; show: (which: "log" | "output") => void }) {
  return (
    <div className="segments" role="radiogroup" aria-label="What to show">
      <label><input type="radio" name="log-view" checked={shown === "log"} onChange={() => show("log")} />Log</label>
      <label><input type="radio" name="log-view" checked={shown === "output"} onChange={() => show("output")} />Process output</label>
    </div>
  );
}

function Log({ runId, switcher }: { runId: string; switcher: ReactNode }) {
  const { lines, whole, passedOver, error, older } = useLog(runId);
  const [level, setLevel] = useState<Level>("info");
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => filterLines(lines ?? [], level, search), [lines, level, search]);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => 20, overscan: 20, getItemKey: (index) => shown[index]!.id });
  const newest = shown.at(-1)?.id;
  useEffect(() => {
    if (follow && shown.length > 0) rows.scrollToIndex(shown.length - 1, { align: "end" });
  }, [follow, newest, rows, shown.length]);
  if (!lines) return <><div className="tab-bar">{switcher}</div><TabState error={error} loading="Reading the log…" /></>;
  return (
    <>
      <div className="tab-bar">
        {switcher}
        <select className="input" aria-label="Lines to show" value={level} onChange={(event) => setLevel(event.target.value as Level)}>{Object.entries(LEVELS).map(([value, words]) => <option key={value} value={value}>{words}</option>)}</select>
        <input className="input" type="search" aria-label="Search the log" placeholder="Search the log" value={search} onChange={(event) => setSearch(event.target.value)} />
        <label className="field-check"><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} />Follow the newest</label>
        <span className="muted number">{shown.length === lines.length ? counted(lines.length, "line") : `${shown.length.toLocaleString("en")} of ${counted(lines.length, "line")}`}</span>
        {!whole && <button type="button" className="button" onClick={older}>Older lines</button>}
      </div>
      {passedOver && <p className="log-passed-over" role="status">{passedOver}</p>}
      {shown.length === 0 ? <p className="tab-empty muted">{lines.length === 0 ? "The trainer has said nothing yet." : "No line matches."}</p> : (
        <div className="log-lines" ref={scroller} tabIndex={0} role="log" aria-live="off" onWheel={(event) => { if (event.deltaY < 0) setFollow(false); }}>
          <ol style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ key, index, start }) => {
              const line = shown[index]!;
              return (
                <li key={key} data-index={index} ref={rows.measureElement} data-level={line.level} style={{ transform: `translateY(${start}px)` }}>
                  <time className="muted" dateTime={new Date(line.t * 1000).toISOString()}>{clockTime(line.t)}</time>
                  {line.step === null ? <span /> : <button type="button" className="link" title="Show this step in the panels" onClick={() => setView({ step: line.step, tab: "overview" })}>step {line.step.toLocaleString("en")}</button>}
                  <bdi>{line.level === "info" ? "" : `${line.level}: `}{line.message}</bdi>
                </li>
              );
            })}
          </ol>
        </div>
      )}
    </>
  );
}

function Output({ runId, switcher }: { runId: string; switcher: ReactNode }) {
  const { data, error } = useRequest("runs.output", { runId }, { every: 3000 });
  return (
    <>
      <div className="tab-bar">{switcher}{data?.truncated && <span className="muted">Only the end is shown; the whole is in stdout.log.</span>}</div>
      {!data ? <TabState error={error} loading="Reading the output…" /> : data.text === "" ? <p className="tab-empty muted">The process printed nothing.</p> : <pre className="spec-json mono" tabIndex={0}>{data.text}</pre>}
    </>
  );
}
