// The questions: which model, on what, how many, and what is assumed.
import { useState } from "react";
import { exampleOf } from "../../contract/modelSpec.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { DEVICES } from "../../planner/devices.ts";
import { PAPER_MODELS } from "../../planner/paperModels.ts";
import { FieldRow, TypedInput } from "../newRun/Field.tsx";
import { PRESETS } from "../newRun/presets.ts";
import { listed, useRuns } from "../state/runs.ts";
import { currentView, setView } from "../state/view.ts";
import { deviceOf, figuresOf, GROUPS, MOST_BATCH, MOST_DEVICES, type OwnFigures, type PlanChoice } from "./choice.ts";

/** More runs than this are too many for a list. */
const MAX_RUNS = 200;

export const changeChoice = (change: Partial<PlanChoice>): void => setView({ plan: { ...currentView().plan, ...change } });
/** Another model or number of devices has other meshes. */
const anew = (change: Partial<PlanChoice>): void => changeChoice({ mesh: null, ...change });

export function Controls({ choice, spec }: { choice: PlanChoice; spec: RunSpec | null }) {
  const batch = spec?.training.batchSize ?? 1, group = spec?.model.sparse?.capacityGroup;
  const own = choice.device === "own", source = deviceOf(choice).source;
  return (
    <form className="plan-controls" aria-label="What to plan for" onSubmit={(event) => event.preventDefault()}>
      <FieldRow title="Model">{({ id }) => <SubjectSelect id={id} subject={choice.subject} />}</FieldRow>
      <NumberField title="Batch size" unit={spec ? `${exampleOf(spec.model)}s` : ""} name="batch" value={choice.batch ?? batch} least={1} most={MOST_BATCH} whole change={(value) => anew({ batch: value === batch ? null : value })} />
      {group && (
        <FieldRow title="Capacity counted per" help="By rank each device has places for its own tokens; by batch, for all that may come to it.">
          {({ id, describedBy }) => (
            <select id={id} name="group" className="input" aria-describedby={describedBy} value={choice.group ?? group} onChange={(event) => anew({ group: event.target.value === group ? null : GROUPS.find((known) => known === event.target.value)! })}>
              {GROUPS.map((known) => <option key={known} value={known}>{known}</option>)}
            </select>
          )}
        </FieldRow>
      )}
      <div className="plan-device">
        <FieldRow title="Device" help={own ? "" : source}>
          {({ id, describedBy }) => (
            <select id={id} name="device" className="input" aria-describedby={describedBy} value={choice.device} onChange={(event) => anew({ device: event.target.value })}>
              {DEVICES.map((device) => <option key={device.id} value={device.id}>{device.name}</option>)}<option value="own">Own device</option>
            </select>
          )}
        </FieldRow>
        {own ? <OwnFields own={choice.own} /> : <button type="button" className="link plan-adapt" onClick={() => anew({ device: "own", own: figuresOf(deviceOf(choice)) })}>Change its figures</button>}
      </div>
      <NumberField title="Number of devices" name="devices" value={choice.devices} least={1} most={MOST_DEVICES} whole change={(devices) => anew({ devices })} />
      <NumberField title="Products reach" unit="% of peak" name="efficiency" value={choice.efficiency} least={1} most={100} change={(efficiency) => anew({ efficiency })}
        help="Large products in good code reach 40 to 60%; small models less." />
    </form>
  );
}

function SubjectSelect({ id, subject }: { id: string; subject: string }) {
  const { runs } = useRuns();
  const shown = listed(runs, true).slice(0, MAX_RUNS), known = !subject.startsWith("run:") || shown.some((run) => `run:${run.id}` === subject);
  return (
    <select id={id} name="subject" className="input" value={subject} onChange={(event) => anew({ subject: event.target.value, batch: null, group: null })}>
      <optgroup label="Examples">{PRESETS.map((preset) => <option key={preset.id} value={`preset:${preset.id}`}>{preset.title}</option>)}</optgroup>
      <optgroup label="Models of the paper">{PAPER_MODELS.map(({ name }) => <option key={name} value={`paper:${name}`}>{name}</option>)}</optgroup>
      {shown.length > 0 && <optgroup label="Runs">{shown.map((run) => <option key={run.id} value={`run:${run.id}`}>{run.name}</option>)}</optgroup>}
      {!known && <option value={subject}>a run that is not listed</option>}
    </select>
  );
}

const OWN: readonly { key: keyof OwnFigures; title: string; unit: string }[] = [
  { key: "peak", title: "Matrix products", unit: "TFLOP/s" }, { key: "memory", title: "Memory", unit: "GB" }, { key: "bandwidth", title: "Memory bandwidth", unit: "GB/s" }, { key: "link", title: "Link, one way", unit: "GB/s" },
];

const OwnFields = ({ own }: { own: OwnFigures }) => (
  <fieldset className="plan-own"><legend className="visually-hidden">Own device</legend>
    {OWN.map(({ key, title, unit }) => <NumberField key={key} title={title} unit={unit} name={`own-${key}`} value={own[key]} least={1e-6} most={1e9} change={(value) => anew({ own: { ...own, [key]: value } })} />)}
  </fieldset>
);

interface NumberFieldProps { title: string; unit?: string; name: string; value: number; least: number; most: number; whole?: boolean; help?: string; change: (value: number) => void }

/** The plan follows while a number is typed; what is none is marked, and the last good one stays. */
function NumberField({ title, unit = "", name, value, least, most, whole = false, help = "", change }: NumberFieldProps) {
  const [wrong, setWrong] = useState<string | null>(null);
  const type = (text: string): void => {
    const number = Number(text.trim().replaceAll(",", "")), right = text.trim() !== "" && number >= least && number <= most && (!whole || Number.isInteger(number));
    setWrong(right ? null : `Must be a ${whole ? "whole " : ""}number${most < 1e9 ? ` from ${least} to ${most.toLocaleString("en")}` : " above 0"}.`);
    if (right) change(number);
  };
  return (
    <FieldRow title={title} unit={unit} help={help} error={wrong ?? undefined}>
      {({ id, describedBy }) => <TypedInput shared={{ id, name, className: "input number", inputMode: "decimal", "aria-describedby": describedBy, "aria-invalid": wrong !== null }} text={String(value)} change={type} />}
    </FieldRow>
  );
}
