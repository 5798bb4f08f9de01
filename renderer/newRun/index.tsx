// New run: a form made from the schema, its consequences as one types, and the button that starts it.
import { useEffect, useMemo, useRef, useState } from "react";
import { RequestError } from "../../contract/client.ts";
import { DataPlace } from "../../contract/dataPlace.ts";
import { untrainableFields } from "../../contract/remoteTrainer.ts";
import { counted } from "../charts/quantity.ts";
import { client, sentenceOf, useConnectionStatus } from "../connection/index.ts";
import { commandKey } from "../frame/keys.ts";
import { ConsequencesView } from "./ConsequencesView.tsx";
import { check, draftFrom, readJson, valueAt, type Draft, type Json } from "../spec/draft.ts";
import { paired } from "../spec/pairing.ts";
import { hasControl } from "../spec/specFields.ts";
import { clearKept, keep, kept } from "./keptDraft.ts";
import { IssueList, JsonView, type JsonText } from "./JsonView.tsx";
import type { Beginning } from "./beginning.ts";
import { setView, useView } from "../state/view.ts";
import { PRESETS } from "./presets.ts";
import { WhereField } from "./WhereField.tsx";
import { Sections } from "./Sections.tsx";
import "./newRun.css";

export interface NewRunPageProps {
  /** What is begun from; the draft left before, or the sample, without one. */
  beginning?: Beginning;
  onStarted: (runId: string) => void;
  onCancel: () => void;
}

export function NewRunPage({ beginning, onStarted, onCancel }: NewRunPageProps) {
  const source = beginning?.key ?? null, presets = beginning?.presets ?? PRESETS;
  const [draft, setDraft] = useState(() => kept(source) ?? draftFrom(presets[0]!.spec));
  const [begun, setBegun] = useState(draft);
  /** The text of the JSON view; null while the form is shown. */
  const [json, setJson] = useState<JsonText | null>(null);
  const [advanced, setAdvanced] = useState(false);
  const [starting, setStarting] = useState(false);
  const [failure, setFailure] = useState<{ message: string; detail: string | null } | null>(null);
  const { host: where } = useView();
  const [data, setData] = useState("");
  const wrongData = where === null || data === "" ? undefined : DataPlace.safeParse(data).error?.issues[0]?.message;
  const [refused, setRefused] = useState<ReadonlyMap<string, string>>(new Map());
  const { state } = useConnectionStatus();
  const form = useRef<HTMLFormElement>(null);

  const checked = useMemo(() => check(draft), [draft]);
  const issues = useMemo(() => {
    const there = where !== null && checked.spec ? untrainableFields(checked.spec).map(({ path, message }) => [path, message] as const) : [];
    return new Map([...refused, ...there, ...checked.issues]);
  }, [refused, checked, where]);
  const placed = (path: string) => hasControl(path, valueAt(draft, "training.optimizer.kind"));
  /** Beside its field each is told at once; all of them together once the start was refused. */
  const listed = failure ? issues : new Map([...issues].filter(([path]) => !placed(path)));
  const showField = (path: string) => (placed(path) ? () => (form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(path)}"]`) ?? form.current?.querySelector<HTMLElement>('[aria-invalid="true"]'))?.focus() : null);
  const replace = (next: Draft) => {
    setDraft(next);
    setRefused(new Map());
    setFailure(null);
    keep(source, next);
  };
  const change = (path: string, value: Json) => replace(paired(draft, path, value));
  const textOf = (spec: Draft): JsonText => ({ text: JSON.stringify(spec, null, 2), error: null });
  const begin = (preset: Draft) => {
    replace(preset);
    setBegun(preset);
    if (json) setJson(textOf(preset));
  };
  const edit = (text: string) => {
    try {
      replace(readJson(text));
      setJson({ text, error: null });
    } catch (problem) {
      setFailure(null);
      setJson({ text, error: sentenceOf(problem) });
    }
  };
  const refuse = (message: string, detail: string | null = null) => {
    setFailure({ message, detail });
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  };

  const start = async () => {
    if (starting) return;
    if (json?.error) return refuse("The text must be JSON before the run can start.");
    if (checked.issues.size > 0 || (where !== null && issues.size > refused.size)) {
      setAdvanced(true);
      return refuse(`${counted(issues.size, "field")} must be changed before the run can start.`);
    }
    if (wrongData !== undefined) return refuse("Where the data lie must be changed before the run can start.");
    setStarting(true);
    setFailure(null);
    try {
      const { runId } = await client.send("runs.start", { spec: draft, where: where === null ? null : { host: where, ...(data === "" ? {} : { data }) } });
      clearKept(source);
      onStarted(runId);
    } catch (error) {
      if (error instanceof RequestError) setRefused(new Map(error.issues.map(({ path, message }) => [path, message])));
      refuse(sentenceOf(error), error instanceof RequestError ? error.detail : null);
      setStarting(false);
    }
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      if (event.key !== "Escape" || event.defaultPrevented || !(target instanceof HTMLElement) || target.closest("[role=dialog], [role=menu]")) return;
      // The first Escape leaves the field, the next one the form.
      if (target.matches("input, select, textarea")) target.blur();
      else onCancel();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [onCancel]);

  return (
    <form className="new-run" ref={form} noValidate onSubmit={(event) => { event.preventDefault(); void start(); }}
      onKeyDown={(event) => {
        if (event.key !== "Enter") return;
        // A half-written form must not start by a slip of the Enter key.
        if (event.ctrlKey || event.metaKey) void start();
        if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) event.preventDefault();
      }}>
      <header className="new-run-head">
        <h1>{beginning?.title ?? "New run"}</h1>
        <div className="segments" role="radiogroup" aria-label="How to write the spec">
          <label><input type="radio" name="view" checked={json === null} onChange={() => setJson(null)} />Form</label>
          <label><input type="radio" name="view" checked={json !== null} onChange={() => setJson(textOf(draft))} />JSON</label>
        </div>
        {json === null && <label className="field-check"><input type="checkbox" checked={advanced} onChange={(event) => setAdvanced(event.target.checked)} />All fields</label>}
      </header>
      <div className="new-run-body">
        <div className="new-run-fields">
          <fieldset className="presets"><legend className="muted">Begin from</legend>{presets.map(({ id, title, about, spec }) => (
            <button key={id} type="button" className="preset" onClick={() => begin(draftFrom(spec))}><b>{title}</b><span className="muted">{about}</span></button>
          ))}</fieldset>
          <WhereField where={where} data={data} wrongData={wrongData} spec={checked.spec} changeData={setData} change={(host) => {
            setView({ host });
            setData("");
            setRefused(new Map());
            setFailure(null);
          }} />
          {json ? <JsonView {...json} issues={issues} change={edit} /> : <Sections draft={draft} begun={begun} issues={issues} advanced={advanced} elsewhere={where !== null} change={change} />}
        </div>
        <aside className="new-run-side" aria-label="Consequences">
          <h2>Consequences</h2>
          {json?.error ? <p className="muted">Shown once the text is JSON.</p> : <ConsequencesView draft={draft} spec={checked.spec} wrong={checked.issues.size} where={where} />}
        </aside>
      </div>
      <footer className="new-run-foot">
        <div className="new-run-problems">
          {failure && <p className="field-error" role="alert">{failure.message}{failure.detail && <details><summary>Details</summary><pre>{failure.detail}</pre></details>}</p>}
          {!json && <IssueList issues={listed} show={showField} />}
        </div>
        <button type="button" className="button" onClick={onCancel}>Cancel</button>
        <button type="submit" className="button primary" disabled={starting || state !== "connected"} title={`${commandKey}Enter`}>{starting ? "Starting…" : "Start training"}</button>
      </footer>
    </form>
  );
}
