// The optimizer and its own numbers.
import { OptimizerSpec } from "../../contract/runSpec.ts";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { FieldRow, NumberInput, UnknownChoice } from "./Field.tsx";
import { OPTIMIZER_FIELDS } from "../spec/specFields.ts";

const KINDS = [{ value: "adamw", title: "AdamW" }, { value: "adafactor", title: "Adafactor" }];

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; advanced: boolean; change: (path: string, value: Json) => void }

export function OptimizerControls({ draft, issues, advanced, change }: Props) {
  const kind = String(valueAt(draft, "training.optimizer.kind") ?? "");
  const wrong = issues.get("training.optimizer") ?? issues.get("training.optimizer.kind");
  return (
    <>
      <FieldRow title="Optimizer" help="AdamW keeps two numbers a parameter; Adafactor a row and a column a matrix, as T5 and Switch were trained." error={wrong}>
        {({ id, describedBy }) => (
          <select id={id} className="input" aria-describedby={describedBy} aria-invalid={wrong !== undefined} value={kind} onChange={(event) => change("training.optimizer", OptimizerSpec.parse({ kind: event.target.value }) as unknown as Json)}>
            {KINDS.map(({ value, title }) => <option key={value} value={value}>{title}</option>)}<UnknownChoice value={kind} known={KINDS} />
          </select>
        )}
      </FieldRow>
      {(OPTIMIZER_FIELDS[kind] ?? []).filter(({ name }) => advanced || issues.has(`training.optimizer.${name}`)).map(({ name, title, help }) => {
        const path = `training.optimizer.${name}`, value = valueAt(draft, path), error = issues.get(path);
        if (typeof value === "boolean")
          return <div className="field" key={path}><label className="field-check"><input type="checkbox" checked={value} onChange={(event) => change(path, event.target.checked)} />{title}</label><p className="field-help muted">{help}</p></div>;
        return <FieldRow key={path} title={title} help={help} error={error}>{({ id, describedBy }) => <NumberInput shared={{ id, name: path, className: "input", "aria-describedby": describedBy, "aria-invalid": error !== undefined }} value={value} change={(next) => change(path, next)} />}</FieldRow>;
      })}
    </>
  );
}
