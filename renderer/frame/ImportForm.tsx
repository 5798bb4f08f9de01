// Another trainer's log, brought in as a run.
import { Dialog } from "@base-ui/react/dialog";
import { useId, useState, type FormEvent } from "react";
import { counted } from "../charts/quantity.ts";
import { client, sentenceOf } from "../connection/index.ts";
import { ColumnsField, useColumns } from "./ColumnsField.tsx";
import { attempt, say } from "../state/notice.ts";
import { chooseRun } from "../state/runActions.ts";

export function ImportForm({ close }: { close: () => void }) {
  const [path, setPath] = useState(""), columns = useColumns(), [importing, setImporting] = useState(false), [refusal, setRefusal] = useState<string | null>(null);
  const field = useId(), help = useId();
  const type = (text: string) => {
    setPath(text);
    setRefusal(null);
  };
  const choose = (kind: "files" | "folders") => attempt(async () => {
    const [chosen] = await window.switchyard!.openPaths({ kind, multiple: false, title: "Log of another trainer" });
    if (chosen !== undefined) type(chosen);
  });
  const bring = async (event: FormEvent) => {
    event.preventDefault();
    const mapping = columns.read();
    if (!mapping) return;
    setImporting(true);
    setRefusal(null);
    try {
      const { runs } = await client.send("runs.import", { path: path.trim(), ...mapping });
      close();
      chooseRun(runs[0]!.runId);
      say(`Imported ${runs.length === 1 ? `“${runs[0]!.name}”, ${counted(runs[0]!.rows, "row")}` : counted(runs.length, "run")}.`);
    } catch (error) {
      setRefusal(sentenceOf(error));
      setImporting(false);
    }
  };
  return (
    <form onSubmit={(event) => void bring(event)}>
      <Dialog.Title render={<h2 />}>Import a log</Dialog.Title>
      <div className="dialog-field">
        <label htmlFor={field} className="muted">Folder with TensorBoard event files, or a JSONL, CSV or MaxText file</label>
        <input id={field} className="input mono" autoFocus autoComplete="off" spellCheck={false} placeholder="/home/me/logs/run-1" value={path} disabled={importing} aria-invalid={refusal !== null} aria-describedby={help} onChange={(event) => type(event.target.value)} />
        {window.switchyard && <span className="field-buttons"><button type="button" className="button" onClick={() => choose("folders")}>Choose a folder…</button><button type="button" className="button" onClick={() => choose("files")}>Choose a file…</button></span>}
        <p id={help} className={refusal === null ? "muted" : "field-error"} role={refusal === null ? undefined : "alert"}>{refusal ?? "Each folder of event files becomes a run. The same path imported again reads on where the last import stopped."}</p>
      </div>
      <ColumnsField columns={columns} disabled={importing} />
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={close}>Cancel</button>
        <button type="submit" className="button primary" disabled={importing || path.trim() === ""}>{importing ? "Importing…" : "Import"}</button>
      </div>
    </form>
  );
}
