// Text and tokenizer: the sample, or files and folders of one's own, and what was found in them.
import { useEffect, useState } from "react";
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

export function DataControls({ draft, issues, change }: Props) {
  const source = valueAt(draft, "data.source") as { kind?: string; names?: string[]; paths?: string[] } | undefined;
  const own = source?.kind === "files";
  const names = source?.names ?? [];
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
        {!own && below(issues, "data.source") && <p className="field-error">{below(issues, "data.source")}</p>}
      </div>
      {own && <PathList paths={source.paths ?? []} error={below(issues, "data.source")} change={(paths) => change("data.source", { kind: "files", paths })} />}
      <Inspection draft={draft} />
      <TokenizerControl draft={draft} error={below(issues, "data.tokenizer")} change={change} />
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
  const tokenizer = valueAt(draft, "data.tokenizer") as { kind?: string; path?: string } | undefined;
  const fromFile = tokenizer?.kind === "huggingface";
  return (
    <>
      <FieldRow title="Tokenizer" help="Bytes need no file: 256 values, 3 special tokens, 125 sentinels (ByT5).">
        {({ id, describedBy }) => (
          <select id={id} className="input" aria-describedby={describedBy} value={fromFile ? "huggingface" : "bytes"} onChange={(event) => change("data.tokenizer", event.target.value === "bytes" ? { kind: "bytes" } : { kind: "huggingface", path: "" })}>
            <option value="bytes">Bytes</option><option value="huggingface">Hugging Face tokenizer.json</option>
          </select>
        )}
      </FieldRow>
      {fromFile && <FieldRow title="tokenizer.json" help="Full path of the file." error={error}>
        {({ id, describedBy }) => <input id={id} className="input mono" aria-describedby={describedBy} aria-invalid={error !== undefined} spellCheck={false} value={tokenizer.path ?? ""} onChange={(event) => change("data.tokenizer", { kind: "huggingface", path: event.target.value })} />}
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
  const paths = (settled.source as { paths?: string[] } | undefined)?.paths;
  const isTree = (value: unknown): boolean => typeof value === "object" && value !== null;
  return useRequest("data.inspect", settled, { enabled: isTree(settled.source) && isTree(settled.tokenizer) && (paths === undefined || paths.length > 0) });
}

function Inspection({ draft }: { draft: Draft }) {
  const { data, error, isFetching } = useInspection(draft);
  if (isFetching && !data) return <p className="field inspection muted" data-wide="true">Looking at the text…</p>;
  if (error) return <p className="field inspection field-error" data-wide="true" role="alert">{sentenceOf(error)}</p>;
  if (!data) return null;
  return (
    <div className="field inspection" data-wide="true">
      <p className="number">{counted(data.documents, "document")} in {counted(data.files, "file")}, {quantity(data.bytes, "bytes")}; {counted(data.vocabularySize, "token")} in the vocabulary{data.invalidBytes > 0 ? `; ${counted(data.invalidBytes, "byte")} that are not UTF-8 will be replaced` : ""}.</p>
      {data.skipped.length > 0 && <details><summary>{counted(data.skipped.length, "file")} left out</summary><ul>{data.skipped.slice(0, 50).map(({ path, reason }) => <li key={path}><code>{path}</code>: {reason}</li>)}</ul></details>}
    </div>
  );
}
