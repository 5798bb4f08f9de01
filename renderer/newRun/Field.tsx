// One field of the form: label, control, unit, what is wrong, and an explanation.
import { useId, type ReactNode } from "react";
import { bound } from "../../contract/specIssues.ts";
import { typedNumber, type Json } from "../spec/draft.ts";
import type { FieldFacts } from "../spec/specFields.ts";

interface RowProps { title: string; unit?: string; help?: string; error?: string | undefined; wide?: boolean; children: (ids: { id: string; describedBy: string }) => ReactNode }

export function FieldRow({ title, unit = "", help = "", error, wide = false, children }: RowProps) {
  const id = useId();
  return (
    <div className="field" data-wide={wide} data-wrong={error !== undefined}>
      <label htmlFor={id}>{title}{unit && !title.toLowerCase().includes(unit.toLowerCase()) && <span className="muted"> ({unit})</span>}</label>
      {children({ id, describedBy: `${id}-help` })}
      <p id={`${id}-help`} className="field-help">{error !== undefined && <span className="field-error" role="alert">{error} </span>}{help && <span className="muted">{help}</span>}</p>
    </div>
  );
}

interface FieldProps { facts: FieldFacts; value: Json | undefined; error: string | undefined; change: (value: Json) => void }

const range = ({ minimum, maximum }: FieldFacts): string =>
  minimum !== null && maximum !== null && maximum < 1e15 ? ` ${bound(minimum)} to ${bound(maximum)}.` : "";

export function Field({ facts, value, error, change }: FieldProps) {
  const { kind, title, unit, description, choices, off } = facts;
  const help = `${description}${kind === "integer" || kind === "number" ? range(facts) : ""}${off === null ? "" : ` Empty: ${off}.`}`.trim();
  if (kind === "boolean") return <CheckField title={title} help={help} error={error} checked={value === true} change={change} name={facts.path} />;
  if (kind === "checks") return <ChecksField facts={facts} value={value} error={error} change={change} />;
  return (
    <FieldRow title={title} unit={unit} help={help} error={error} wide={kind === "text"}>
      {({ id, describedBy }) => {
        const shared = { id, name: facts.path, className: "input", "aria-describedby": describedBy, "aria-invalid": error !== undefined } as const;
        if (kind === "choice")
          return <select {...shared} value={String(value ?? "")} onChange={(event) => change(event.target.value)}>{choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}<UnknownChoice value={String(value ?? "")} known={choices} /></select>;
        if (kind === "text") return <input {...shared} value={String(value ?? "")} onChange={(event) => change(event.target.value)} />;
        return <NumberInput shared={off === null ? shared : { ...shared, placeholder: off }} value={value} change={off === null ? change : (next) => change(next === "" ? null : next)} />;
      }}
    </FieldRow>
  );
}

interface CheckProps { title: string; help: string; error?: string | undefined; checked: boolean; change: (value: boolean) => void; name?: string; wide?: boolean }

export function CheckField({ title, help, error, checked, change, name, wide = false }: CheckProps) {
  const id = useId();
  return (
    <div className="field" data-wide={wide} data-wrong={error !== undefined}>
      <label className="field-check"><input type="checkbox" name={name} aria-describedby={id} aria-invalid={error !== undefined} checked={checked} onChange={(event) => change(event.target.checked)} />{title}</label>
      {(help || error) && <p id={id} className="field-help">{error && <span className="field-error" role="alert">{error} </span>}<span className="muted">{help}</span></p>}
    </div>
  );
}

/** Any of some things: a list in the spec, in the order of the schema. */
function ChecksField({ facts: { path, title, description, choices }, value, error, change }: FieldProps) {
  const chosen = Array.isArray(value) ? value : [];
  const id = useId();
  return (
    <div className="field" data-wide="true" role="group" aria-labelledby={id} data-wrong={error !== undefined}>
      <span id={id}>{title}</span>
      <div className="field-checks">{choices.map(({ value: choice, label }) => (
        <label key={choice} className="field-check"><input type="checkbox" name={path} value={choice} checked={chosen.includes(choice)} onChange={(event) => change(choices.map((other) => other.value).filter((other) => (other === choice ? event.target.checked : chosen.includes(other))))} />{label}</label>
      ))}</div>
      <p className="field-help">{error !== undefined && <span className="field-error" role="alert">{error} </span>}<span className="muted">{description}</span></p>
    </div>
  );
}

/** What the draft holds where it is none of the choices: otherwise the first would seem to be chosen. */
export const UnknownChoice = ({ value, known }: { value: string; known: readonly { value: string }[] }) =>
  known.some((choice) => choice.value === value) ? null : <option value={value}>{value || "not chosen"}</option>;

/** A text field, so that 1e-3 can be typed and a half-typed number stays where it is. */
export const NumberInput = ({ shared, value, change }: { shared: object; value: Json | undefined; change: (value: Json) => void }) =>
  <TypedInput shared={{ ...shared, inputMode: "decimal" }} text={String(value ?? "")} change={(text) => change(typedNumber(text))} />;

/** What was set from elsewhere is shown; what is being typed stays as it was typed. */
export function TypedInput({ shared, text, change }: { shared: object; text: string; change: (text: string) => void }) {
  return <input {...shared} autoComplete="off" defaultValue={text} ref={(input) => {
    if (input && document.activeElement !== input && input.value !== text) input.value = text;
  }} onChange={(event) => change(event.target.value)} />;
}
