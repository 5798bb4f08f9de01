// The groups of the form.
import { PruningSpec, SparseSpec } from "../../contract/runSpec.ts";
import { useRequest } from "../connection/index.ts";
import { DataControls } from "./DataControls.tsx";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { CheckField, Field, FieldRow } from "./Field.tsx";
import { OptimizerControls } from "./OptimizerControls.tsx";
import { OriginControls } from "./OriginControls.tsx";
import { SparseLayersControl } from "./SparseLayersControl.tsx";
import { isRelevant } from "../spec/relevance.ts";
import { fieldFacts, GROUPS, type FieldFacts, type Group } from "../spec/specFields.ts";

interface Props {
  draft: Draft;
  /** The draft as it was begun from: what it sets apart from the defaults is shown. */
  begun: Draft;
  issues: ReadonlyMap<string, string>;
  advanced: boolean;
  /** A field of this machine says nothing of another one. */
  elsewhere: boolean;
  change: (path: string, value: Json) => void;
}

export const Sections = (props: Props) => <>{GROUPS.map((group) => <Section key={group.id} group={group} {...props} />)}</>;

const differs = (draft: Draft, { path, start }: FieldFacts): boolean => JSON.stringify(valueAt(draft, path)) !== JSON.stringify(start);

function Section({ group, ...props }: Props & { group: Group }) {
  const { draft, begun, issues, advanced, elsewhere, change } = props;
  const dense = valueAt(draft, "model.sparse") === null;
  const shown = group.paths.map(fieldFacts).filter((facts) =>
    !(elsewhere && facts.path === "device") && (issues.has(facts.path) || (isRelevant(facts.path, draft) && (advanced || !facts.advanced || differs(draft, facts) || differs(begun, facts)))));
  if (shown.length === 0 && (group.id === "capacity" || group.id === "balancing")) return null;
  return (
    <fieldset className="form-group" name={group.id}>
      <legend>{group.title}</legend>
      <div className="form-grid">
        {group.id === "origin" && <OriginControls draft={draft} issues={issues} change={change} />}
        {group.id === "data" && <DataControls draft={draft} issues={issues} change={change} />}
        {group.id === "experts" && <SparseSwitch dense={dense} change={change} />}
        {shown.map((facts) => facts.path === "device"
          ? <DeviceField key={facts.path} value={valueAt(draft, "device")} error={issues.get("device")} change={(value) => change("device", value)} />
          : <Field key={facts.path} facts={facts} value={valueAt(draft, facts.path)} error={issues.get(facts.path)} change={(value) => change(facts.path, value)} />)}
        {group.id === "experts" && !dense && <SparseLayersControl draft={draft} issues={issues} advanced={advanced} change={change} />}
        {group.id === "training" && <><OptimizerControls draft={draft} issues={issues} advanced={advanced} change={change} />{(dense || issues.has("training.pruning")) && <PruningSwitch draft={draft} error={issues.get("training.pruning")} change={change} />}</>}
      </div>
    </fieldset>
  );
}

function SparseSwitch({ dense, change }: { dense: boolean; change: Props["change"] }) {
  return (
    <div className="field" data-wide="true">
      <div className="segments" role="radiogroup" aria-label="Experts">
        <label><input type="radio" name="sparse" checked={!dense} onChange={() => change("model.sparse", SparseSpec.parse({}) as unknown as Json)} />Mixture of experts</label>
        <label><input type="radio" name="sparse" checked={dense} onChange={() => change("model.sparse", null)} />Dense</label>
      </div>
      {dense && <p className="field-help muted">No experts: the dense model of the same sizes, with the same FLOPs a token as with one expert each.</p>}
    </div>
  );
}

function PruningSwitch({ draft, error, change }: { draft: Draft; error: string | undefined; change: Props["change"] }) {
  const { title, description } = fieldFacts("training.pruning");
  const on = valueAt(draft, "training.pruning") !== null;
  return <CheckField title={title} help={description} error={error} checked={on} change={() => change("training.pruning", on ? null : PruningSpec.parse({}) as unknown as Json)} name="training.pruning" />;
}

/** The devices of this machine, and whatever else the draft names. */
function DeviceField({ value, error, change }: { value: Json | undefined; error: string | undefined; change: (value: Json) => void }) {
  const { data } = useRequest("devices.read", {});
  const usable = (data?.gpus ?? []).filter((gpu) => gpu.usable);
  const choices = [
    { value: "auto", label: usable.length > 0 ? `auto: ${usable[0]!.name}` : "auto: the CPU" },
    { value: "cpu", label: data ? `cpu: ${data.cpu.name}, ${data.cpu.logicalCores} threads` : "cpu" },
    ...(usable.length > 1 ? [{ value: "cuda", label: `cuda: a GPU for each rank of the mesh, ${usable.length} are there` }] : []),
    ...usable.map((gpu) => ({ value: `cuda:${gpu.index}`, label: `cuda:${gpu.index}: ${gpu.name}` })),
  ];
  const chosen = String(value ?? "auto");
  return (
    <FieldRow title="Device" help={data && usable.length === 0 ? (data.cuda.reason ?? "") : ""} error={error}>
      {({ id, describedBy }) => (
        <select id={id} name="device" className="input" aria-describedby={describedBy} aria-invalid={error !== undefined} value={chosen} onChange={(event) => change(event.target.value)}>
          {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
          {!choices.some((choice) => choice.value === chosen) && <option value={chosen}>{chosen}: not on this machine</option>}
        </select>
      )}
    </FieldRow>
  );
}
