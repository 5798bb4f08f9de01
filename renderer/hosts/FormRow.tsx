// One field of a form about hosts: its label, what is typed, and below it what is wrong or what it means.
import { useId } from "react";

export interface FormRowProps { title: string; value: string; change: (value: string) => void; error: string | undefined; help?: string; placeholder?: string; autoFocus?: boolean; disabled?: boolean; choices?: readonly string[] }

export function FormRow({ title, value, change, error, help, placeholder, autoFocus = false, disabled = false, choices }: FormRowProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{title}</label>
      <input id={id} className="input" value={value} placeholder={placeholder} autoFocus={autoFocus} disabled={disabled} autoComplete="off" spellCheck={false} list={choices && `${id}-choices`} aria-invalid={error !== undefined} aria-describedby={`${id}-help`} onChange={(event) => change(event.target.value)} />
      {choices && <datalist id={`${id}-choices`}>{choices.map((choice) => <option key={choice} value={choice} />)}</datalist>}
      <p id={`${id}-help`} className="field-help">{error !== undefined ? <span className="field-error" role="alert">{error}</span> : help && <span className="muted">{help}</span>}</p>
    </div>
  );
}
