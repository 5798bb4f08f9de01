// Where another trainer's log has names of its own: which column holds what.
import { useId } from "react";

export function ColumnsField({ value, disabled = false, onChange }: { value: string; disabled?: boolean; onChange(text: string): void }) {
  const field = useId(), help = useId();
  return (
    <div className="dialog-field">
      <label htmlFor={field} className="muted">Columns with names of their own (optional)</label>
      <input id={field} className="input mono" autoComplete="off" spellCheck={false} placeholder="step=tick, loss=train loss" value={value} disabled={disabled} aria-describedby={help} onChange={(event) => onChange(event.target.value)} />
      <p id={help} className="muted">METRIC=COLUMN, separated by commas; <code>step</code> and <code>time</code> name those columns. Names that are in common use are known.</p>
    </div>
  );
}
