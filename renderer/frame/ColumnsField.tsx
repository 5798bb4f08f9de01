// Where another trainer's log has names of its own: which column holds what.
import { useId, useState } from "react";
import { readMapping, type ColumnMapping } from "../../contract/columnMapping.ts";
import { sentenceOf } from "../connection/index.ts";

/** What stands in the field, and what is wrong with it once it has been read. */
export interface Columns { text: string; problem: string | null; change(text: string): void; read(): ColumnMapping | null }

export function useColumns(): Columns {
  const [text, setText] = useState(""), [problem, setProblem] = useState<string | null>(null);
  return {
    text, problem,
    change(next) {
      setText(next);
      setProblem(null);
    },
    read() {
      try {
        return readMapping(text);
      } catch (error) {
        setProblem(sentenceOf(error));
        return null;
      }
    },
  };
}

export function ColumnsField({ columns: { text, problem, change }, disabled = false }: { columns: Columns; disabled?: boolean }) {
  const field = useId(), help = useId();
  return (
    <div className="dialog-field">
      <label htmlFor={field} className="muted">Columns with names of their own (optional)</label>
      <input id={field} className="input mono" autoComplete="off" spellCheck={false} placeholder="step=tick, loss=train loss" value={text} disabled={disabled} aria-invalid={problem !== null} aria-describedby={help} onChange={(event) => change(event.target.value)} />
      <p id={help} className={problem === null ? "muted" : "field-error"} role={problem === null ? undefined : "alert"}>
        {problem ?? <>METRIC=COLUMN, separated by commas; <code>step</code> and <code>time</code> name those columns. Names that are in common use are known.</>}
      </p>
    </div>
  );
}
