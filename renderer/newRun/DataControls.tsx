// Data and tokenizer: sample texts, files of one's own, pairs or images, and what was found in them.
import type { DataInspection } from "../../contract/handlers.ts";
import { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { counted, quantity } from "../charts/quantity.ts";
import { sentenceOf, useRequest } from "../connection/index.ts";
import { useSettled } from "../connection/useSettled.ts";
import { attempt } from "../state/notice.ts";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { isRelevant } from "../spec/relevance.ts";
import { below } from "./below.ts";
import { FieldRow } from "./Field.tsx";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; change: (path: string, value: Json) => void }

const SAMPLES = [{ name: "state-of-the-union", title: "State of the Union addresses" }, { name: "moby-dick", title: "Moby Dick" }];
/** Kinds of data, as they are begun. */
const KINDS: { kind: string; title: string; begun: Json }[] = [
  { kind: "sample", title: "Sample texts", begun: { kind: "sample", names: SAMPLES.map(({ name }) => name) } },
  { kind: "files", title: "Own files", begun: { kind: "files", paths: [] } },
  { kind: "jsonl", title: "Pairs (JSONL)", begun: { kind: "jsonl", paths: [], heldOut: null } },
  { kind: "images", title: "MNIST", begun: { kind: "images", name: "mnist" } },
  { kind: "idx", title: "Own images (IDX)", begun: { kind: "idx", images: "", labels: "" } },
];

const listAt = (draft: Draft, path: string): string[] => {
  const value = valueAt(draft, path);
  return Array.isArray(value) ? value.map(String) : [];
};

export function DataControls({ draft, issues, change }: Props) {
  const kind = valueAt(draft, "data.source.kind");
  const { data: found, error, isFetching } = useInspection(draft);
  const tokenizerPath = valueAt(draft, "data.tokenizer.path");
  // The trainer's sentence about a tokenizer names its file.
  const ofTokenizer = error !== null && typeof tokenizerPath === "string" && error.message.includes(tokenizerPath);
  const sourceError = below(issues, "data.source") ?? (error && !ofTokenizer ? sentenceOf(error) : undefined);
  const tokenizerError = below(issues, "data.tokenizer") ?? (error && ofTokenizer ? sentenceOf(error) : undefined);
  return (
    <>
      <div className="field" data-wide="true">
        <div className="segments" role="radiogroup" aria-label="Data">{KINDS.map(({ kind: own, title, begun }) => (
          <label key={own}><input type="radio" name="source" value={own} checked={kind === own} onChange={() => change("data.source", begun)} />{title}</label>
        ))}</div>
        {kind === "sample" && <SampleChecks names={listAt(draft, "data.source.names")} change={change} />}
        {kind !== "files" && kind !== "jsonl" && kind !== "idx" && sourceError && <p className="field-error" role="alert">{sourceError}</p>}
      </div>
      {kind === "files" && <PathList title="Files and folders" help="Full paths of UTF-8 text, one a line. Folders are read with all below them." paths={listAt(draft, "data.source.paths")} error={sourceError} change={(paths) => change("data.source.paths", paths)} />}
      {kind === "jsonl" && <PairFiles draft={draft} issues={issues} error={sourceError} change={change} />}
      {kind === "idx" && <ImageFiles draft={draft} error={sourceError} change={change} />}
      {found && !error ? <Found {...found} /> : isFetching && <p className="field inspection muted" data-wide="true">Looking at the data…</p>}
      {isRelevant("data.tokenizer", draft) && <TokenizerControl draft={draft} error={tokenizerError} change={change} />}
    </>
  );
}

const SampleChecks = ({ names, change }: { names: string[]; change: Props["change"] }) => (
  <div className="field-checks">{SAMPLES.map(({ name, title }) => (
    <label key={name} className="field-check"><input type="checkbox" checked={names.includes(name)} onChange={(event) => change("data.source", { kind: "sample", names: SAMPLES.map((sample) => sample.name).filter((other) => (other === name ? event.target.checked : names.includes(other))) })} />{title}</label>
  ))}</div>
);

/** Pairs of input and target, and the files that evaluation reads in place of a share of them. */
function PairFiles({ draft, issues, error, change }: Props & { error: string | undefined }) {
  const heldOut = below(issues, "data.source.heldOut");
  return (
    <>
      <PathList title="Files of pairs" example="/home/me/pairs.jsonl" help={'Full paths, one a line. Each line of a file is {"input": "…", "target": "…"}.'} paths={listAt(draft, "data.source.paths")} error={heldOut !== undefined && heldOut === error ? undefined : error} change={(paths) => change("data.source.paths", paths)} />
      <PathList title="Files for evaluation" example="/home/me/held-out.jsonl" help="Empty: a share of the pairs is held out." paths={listAt(draft, "data.source.heldOut")} error={heldOut} change={(paths) => change("data.source.heldOut", paths.length > 0 ? paths : null)} />
    </>
  );
}

const IMAGE_FILES = [{ name: "images", title: "Images", example: "/home/me/train-images-idx3-ubyte.gz" }, { name: "labels", title: "Labels", example: "/home/me/train-labels-idx1-ubyte.gz" }];

function ImageFiles({ draft, error, change }: Pick<Props, "draft" | "change"> & { error: string | undefined }) {
  return IMAGE_FILES.map(({ name, title, example }) => (
    <FieldRow key={name} wide title={title} help="Full path of a file in MNIST's format, packed by gzip or not." error={name === "images" ? error : undefined}>
      {({ id, describedBy }) => <input id={id} className="input mono" aria-describedby={describedBy} aria-invalid={name === "images" && error !== undefined} spellCheck={false} placeholder={example} value={String(valueAt(draft, `data.source.${name}`) ?? "")} onChange={(event) => change(`data.source.${name}`, event.target.value)} />}
    </FieldRow>
  ));
}

function PathList({ title, help, example = "/home/me/texts", paths, error, change }: { title: string; help: string; example?: string; paths: string[]; error: string | undefined; change: (paths: string[]) => void }) {
  const open = (kind: "files" | "folders") => attempt(async () => {
    const chosen = await window.switchyard!.openPaths({ kind });
    if (chosen.length > 0) change([...new Set([...paths, ...chosen])]);
  });
  return (
    <FieldRow title={title} help={help} error={error} wide>
      {({ id, describedBy }) => (
        <>
          <textarea id={id} className="input mono" rows={Math.min(Math.max(paths.length, 2), 8)} aria-describedby={describedBy} aria-invalid={error !== undefined} spellCheck={false} placeholder={example} value={paths.join("\n")} onChange={(event) => change(event.target.value === "" ? [] : event.target.value.split("\n"))} onBlur={() => change(paths.map((path) => path.trim()).filter(Boolean))} />
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

/** What the backend finds in the text that the draft names. */
export function useInspection(draft: Draft) {
  const settled = useSettled({ source: valueAt(draft, "data.source"), tokenizer: valueAt(draft, "data.tokenizer") }, 400);
  return useRequest("data.inspect", settled, { enabled: DataSource.safeParse(settled.source).success && Tokenizer.safeParse(settled.tokenizer).success });
}

function Found({ documents, files, bytes, vocabularySize, invalidBytes, skipped, images }: DataInspection) {
  return (
    <div className="field inspection" data-wide="true">
      {images ? <p className="number">{counted(documents, "image")} of {images.height} × {images.width} pixels in {images.classes} classes, {counted(files, "file")}, {quantity(bytes, "bytes")}.</p>
      : <p className="number">{counted(documents, "document")} in {counted(files, "file")}, {quantity(bytes, "bytes")}; {counted(vocabularySize, "token")} in the vocabulary{invalidBytes > 0 ? `; ${counted(invalidBytes, "byte")} that are not UTF-8 will be replaced` : ""}.</p>}
      {skipped.length > 0 && <details><summary>{counted(skipped.length, "file")} left out</summary><ul>{skipped.slice(0, 50).map(({ path, reason }) => <li key={path}><code>{path}</code>: {reason}</li>)}</ul></details>}
    </div>
  );
}
