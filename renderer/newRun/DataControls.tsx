// Text and tokenizer: the sample, or files and folders of one's own, and what was found in them.
import { useEffect, useState } from "react";
import type { DataInspection } from "../../contract/handlers.ts";
import { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { counted, quantity } from "../charts/quantity.ts";
import { sentenceOf, useRequest } from "../connection/index.ts";
import { attempt } from "../state/notice.ts";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { FieldRow } from "./Field.tsx";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; change: (path: string, value: Json) => void }

const SAMPLES = [{ name: "state-of-the-union", title: "State of the Union addresses" }, { name: "moby-dick", title: "Moby Dick" }];

/** First sentence about the path or anything below it. */
const below = (issues: ReadonlyMap<string, string>, path: string): string | undefined => {
  for (const [at, sentence] of issues) if (at === path || at.startsWith(`${path}.`)) return sentence;
  return undefined;
};

const listAt = (draft: Draft, path: string): string[] => {
  const value = valueAt(draft, path);
  return Array.isArray(value) ? value.map(String) : [];
};

export function DataControls({ draft, issues, change }: Props) {
  const own = valueAt(draft, "data.source.kind") === "files";
  const names = listAt(draft, "data.source.names");
  const { data: found, error, isFetching } = useInspection(draft);
  const tokenizerPath = valueAt(draft, "data.tokenizer.path");
  // The trainer's sentence about a tokenizer names its file.
  const ofTokenizer = error !== null && typeof tokenizerPath === "string" && error.message.includes(tokenizerPath);
  const sourceError = below(issues, "data.source") ?? (error && !ofTokenizer ? sentenceOf(error) : undefined);
  const tokenizerError = below(issues, "data.tokenizer") ?? (error && ofTokenizer ? sentenceOf(error) : undefined);
  return (
    <>
      <div className="field" data-wide="true">
        <div className="segments" role="radiogroup" aria-label="Text">
          <label><input type="radio" name="source" checked={!own} onChange={() => change("data.source", { kind: "sample", names: SAMPLES.map(({ name }) => name) })} />Sample texts</label>
          <label><input type="radio" name="source" checked={own} onChange={() => change("data.source", { kind: "files", paths: [] })} />Own files</label>
        </div>
        {!own && <div className="field-checks">{SAMPLES.map(({ name, title }) => (
          <label key={name} className="field-check"><input type="checkbox" checked={names.includes(name)} onChange={(event) => change("data.source", { kind: "sample", names: SAMPLES.map((sample) => sample.name).filter((other) => (other === name ? event.target.checked : names.includes(other))) })} />{title}</label>
        ))}</div>}
        {!own && sourceError && <p className="field-error" role="alert">{sourceError}</p>}
      </div>
      {own && <PathList paths={listAt(draft, "data.source.paths")} error={sourceError} change={(paths) => change("data.source", { kind: "files", paths })} />}
      {found && !error ? <Found {...found} /> : isFetching && <p className="field inspection muted" data-wide="true">Looking at the text…</p>}
      <TokenizerControl draft={draft} error={tokenizerError} change={change} />
    </>
  );
}

function PathList({ paths, error, change }: { paths: string[]; error: string | undefined; change: (paths: string[]) => void }) {
  const open = (kind: "files" | "folders") => attempt(async () => {
    const chosen = await window.switchyard!.openPaths({ kind });
    if (chosen.length > 0) change([...new Set([...paths, ...chosen])]);
  });
  return (
    <FieldRow title="Files and folders" help="Full paths of UTF-8 text, one a line. Folders are read with all below them." error={error} wide>
      {({ id, describedBy }) => (
        <>
          <textarea id={id} className="input mono" rows={3} aria-describedby={describedBy} aria-invalid={error !== undefined} spellCheck={false} placeholder="/home/me/texts" value={paths.join("\n")} onChange={(event) => change(event.target.value === "" ? [] : event.target.value.split("\n"))} onBlur={() => change(paths.map((path) => path.trim()).filter(Boolean))} />
          {window.switchyard && <span className="field-buttons"><button type="button" className="button" onClick={() => open("files")}>Add files…</button><button type="button" className="button" onClick={() => open("folders")}>Add folders…</button></span>}
        </>
      )}
    </FieldRow>
  );
}

function TokenizerControl({ draft, error, change }: { draft: Draft; error: string | undefined; change: Props["change"] }) {
  const fromFile = valueAt(draft, "data.tokenizer.kind") === "huggingface";
  return (
    <>
      <FieldRow title="Tokenizer" help="Bytes need no file: 256 values, 3 special tokens, 125 sentinels (ByT5)." error={fromFile ? undefined : error}>
        {({ id, describedBy }) => (
          <select id={id} className="input" aria-describedby={describedBy} aria-invalid={!fromFile && error !== undefined} value={fromFile ? "huggingface" : "bytes"} onChange={(event) => change("data.tokenizer", event.target.value === "bytes" ? { kind: "bytes" } : { kind: "huggingface", path: "" })}>
            <option value="bytes">Bytes</option><option value="huggingface">Hugging Face tokenizer.json</option>
          </select>
        )}
      </FieldRow>
      {fromFile && <FieldRow title="tokenizer.json" help="Full path of the file." error={error}>
        {({ id, describedBy }) => <input id={id} className="input mono" aria-describedby={describedBy} aria-invalid={error !== undefined} spellCheck={false} value={String(valueAt(draft, "data.tokenizer.path") ?? "")} onChange={(event) => change("data.tokenizer", { kind: "huggingface", path: event.target.value })} />}
      </FieldRow>}
    </>
  );
}

/** The value, once it has stayed the same for a while: a path is not looked up at every letter. */
function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  const key = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [key, milliseconds]);
  return settled;
}

/** What the backend finds in the text that the draft names. */
export function useInspection(draft: Draft) {
  const settled = useSettled({ source: valueAt(draft, "data.source"), tokenizer: valueAt(draft, "data.tokenizer") }, 400);
  return useRequest("data.inspect", settled, { enabled: DataSource.safeParse(settled.source).success && Tokenizer.safeParse(settled.tokenizer).success });
}

function Found({ documents, files, bytes, vocabularySize, invalidBytes, skipped }: DataInspection) {
  return (
    <div className="field inspection" data-wide="true">
      <p className="number">{counted(documents, "document")} in {counted(files, "file")}, {quantity(bytes, "bytes")}; {counted(vocabularySize, "token")} in the vocabulary{invalidBytes > 0 ? `; ${counted(invalidBytes, "byte")} that are not UTF-8 will be replaced` : ""}.</p>
      {skipped.length > 0 && <details><summary>{counted(skipped.length, "file")} left out</summary><ul>{skipped.slice(0, 50).map(({ path, reason }) => <li key={path}><code>{path}</code>: {reason}</li>)}</ul></details>}
    </div>
  );
}
