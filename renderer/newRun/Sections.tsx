// The groups of the form.
import { SparseSpec } from "../../contract/runSpec.ts";
import { useRequest } from "../connection/index.ts";
import { DataControls } from "./DataControls.tsx";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { Field, FieldRow } from "./Field.tsx";
import { OptimizerControls } from "./OptimizerControls.tsx";
import { fieldFacts, GROUPS, isRelevant, type Group } from "../spec/specFields.ts";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; advanced: boolean; change: (path: string, value: Json) => void }

export const Sections = (props: Props) => <>{GROUPS.map((group) => <Section key={group.id} group={group} {...props} />)}</>;

function Section({ group, draft, issues, advanced, change }: Props & { group: Group }) {
  const architecture = valueAt(draft, "model.architecture"), objective = valueAt(draft, "data.objective");
  const dense = group.id === "experts" && valueAt(draft, "model.sparse") === null;
  const shown = dense ? [] : group.paths.map(fieldFacts).filter(({ path, advanced: rare }) => issues.has(path) || ((advanced || !rare) && isRelevant(path, architecture, objective)));
  return (
    <fieldset className="form-group">
      <legend>{group.title}</legend>
      <div className="form-grid">
        {group.id === "data" && <DataControls draft={draft} issues={issues} change={change} />}
        {group.id === "experts" && <SparseSwitch dense={dense} change={change} />}
        {shown.map((facts) => facts.path === "device"
          ? <DeviceField key={facts.path} value={valueAt(draft, "device")} error={issues.get("device")} change={(value) => change("device", value)} />
          : <Field key={facts.path} facts={facts} value={valueAt(draft, facts.path)} error={issues.get(facts.path)} change={(value) => change(facts.path, value)} />)}
        {group.id === "training" && <OptimizerControls draft={draft} issues={issues} advanced={advanced} change={change} />}
      </div>
    </fieldset>
  );
}

function SparseSwitch({ dense, change }: { dense: boolean; change: Props["change"] }) {
  return (
    <div className="field" data-wide="true">
      <div className="segments" role="radiogroup" aria-label="Experts">
        <label><input type="radio" name="sparse" checked={!dense} onChange={() => change("model.sparse", SparseSpec.parse({}) as unknown as Json)} />Switch layers</label>
        <label><input type="radio" name="sparse" checked={dense} onChange={() => change("model.sparse", null)} />Dense</label>
      </div>
      {dense && <p className="field-help muted">No experts: the dense T5 of the same sizes, with the same FLOPs a token.</p>}
    </div>
  );
}

/** The devices of this machine, and whatever else the draft names. */
function DeviceField({ value, error, change }: { value: Json | undefined; error: string | undefined; change: (value: Json) => void }) {
  const { data } = useRequest("devices.read", {});
  const usable = (data?.gpus ?? []).filter((gpu) => gpu.usable);
  const choices = [
    { value: "auto", label: usable.length > 0 ? `auto: ${usable[0]!.name}` : "auto: the CPU" },
    { value: "cpu", label: data ? `cpu: ${data.cpu.name}, ${data.cpu.logicalCores} threads` : "cpu" },
    ...usable.map((gpu) => ({ value: `cuda:${gpu.index}`, label: `cuda:${gpu.index}: ${gpu.name}` })),
  ];
  const chosen = String(value ?? "auto");
  return (
    <FieldRow title="Device" help={data && usable.length === 0 ? (data.cuda.reason ?? "") : ""} error={error}>
      {({ id, describedBy }) => (
        <select id={id} className="input" aria-describedby={describedBy} aria-invalid={error !== undefined} value={chosen} onChange={(event) => change(event.target.value)}>
          {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
          {!choices.some((choice) => choice.value === chosen) && <option value={chosen}>{chosen}: not on this machine</option>}
        </select>
      )}
    </FieldRow>
  );
}
