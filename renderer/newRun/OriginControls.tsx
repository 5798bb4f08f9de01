// Where the weights of a run come from, and whom it learns from: a run with a checkpoint, or an imported model.
import { DistillationSpec } from "../../contract/runSpec.ts";
import { shortName } from "../charts/summary.ts";
import { useRequest } from "../connection/index.ts";
import { valueAt, type Draft, type Json } from "../spec/draft.ts";
import { fieldFacts } from "../spec/specFields.ts";
import { useRuns } from "../state/runs.ts";
import { below } from "./below.ts";
import { CheckField, FieldRow } from "./Field.tsx";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; change: (path: string, value: Json) => void }

export function OriginControls({ draft, issues, change }: Props) {
  const start = fieldFacts("start"), distillation = fieldFacts("distillation");
  const on = (valueAt(draft, "distillation") ?? null) !== null;
  const { choices } = useTrained();
  const first = choices[0]?.source ?? { kind: "run", id: "", step: null };
  const learn = () => change("distillation", on ? null : { ...(DistillationSpec.omit({ teacher: true }).parse({}) as unknown as Draft), teacher: first });
  return (
    <>
      <WeightsChoice path="start" title={start.title} help={start.description} none="Fresh weights" draft={draft} issues={issues} change={change} />
      <CheckField title={distillation.title} help={distillation.description} checked={on} change={learn} name="distillation" />
      {on && <WeightsChoice path="distillation.teacher" title="Teacher" help="A trained model that reads the same tokens." none={null} draft={draft} issues={issues} change={change} />}
    </>
  );
}

interface Trained { source: { kind: "run"; id: string; step: number | null } | { kind: "model"; id: string }; name: string }

/** Everything with weights: runs that have trained, and imported models. */
function useTrained(): { choices: readonly Trained[]; loaded: boolean } {
  const { runs, loaded } = useRuns();
  const { data: models } = useRequest("models.list", {});
  return {
    loaded: loaded && models !== undefined,
    choices: [
      ...runs.filter(({ deletedAt, step }) => deletedAt === null && step > 0).map(({ id, name }): Trained => ({ source: { kind: "run", id, step: null }, name })),
      ...(models ?? []).map(({ id, name }): Trained => ({ source: { kind: "model", id }, name })),
    ],
  };
}

interface ChoiceProps extends Props { path: string; title: string; help: string; none: string | null }

function WeightsChoice({ path, title, help, none, draft, issues, change }: ChoiceProps) {
  const { choices, loaded } = useTrained();
  const kind = valueAt(draft, `${path}.kind`), id = String(valueAt(draft, `${path}.id`) ?? ""), wrong = below(issues, path);
  const error = wrong === undefined || id !== "" ? wrong : choices.length > 0 ? "Choose a run or a model." : "No run has trained yet, and no model is imported.";
  const chosen = kind === undefined || kind === null ? "" : `${String(kind)} ${id}`;
  const keyOf = ({ source }: Trained) => `${source.kind} ${source.id}`;
  const group = (wanted: string, label: string) => {
    const own = choices.filter(({ source }) => source.kind === wanted);
    return own.length > 0 && <optgroup label={label}>{own.map((choice) => <option key={keyOf(choice)} value={keyOf(choice)}>{shortName(choice.name)} · {choice.source.id.slice(-6)}</option>)}</optgroup>;
  };
  return (
    <>
      <FieldRow title={title} help={help} error={error}>
        {({ id: field, describedBy }) => (
          <select id={field} name={path} className="input" aria-describedby={describedBy} aria-invalid={error !== undefined} value={chosen} onChange={(event) => change(path, (choices.find((choice) => keyOf(choice) === event.target.value)?.source ?? null) as Json)}>
            {none !== null && <option value="">{none}</option>}
            {group("run", "Runs")}{group("model", "Imported models")}
            {chosen !== "" && loaded && !choices.some((choice) => keyOf(choice) === chosen) && <option value={chosen}>{id === "" ? "not chosen" : `${id}: not here`}</option>}
          </select>
        )}
      </FieldRow>
      {kind === "run" && id !== "" && <StepChoice runId={id} path={`${path}.step`} draft={draft} change={change} />}
    </>
  );
}

/** Which checkpoint of the run: those that are on disk. */
function StepChoice({ runId, path, draft, change }: { runId: string; path: string; draft: Draft; change: Props["change"] }) {
  const { data } = useRequest("runs.checkpoints", { runId });
  const step = valueAt(draft, path) ?? null;
  const present = (data ?? []).filter((checkpoint) => checkpoint.present).toSorted((a, b) => b.step - a.step);
  const help = data && present.length === 0 ? "This run has no checkpoint yet." : "The newest is the newest when the run starts.";
  return (
    <FieldRow title="Checkpoint" help={help}>
      {({ id, describedBy }) => (
        <select id={id} name={path} className="input number" aria-describedby={describedBy} value={step === null ? "" : String(step)} onChange={(event) => change(path, event.target.value === "" ? null : Number(event.target.value))}>
          <option value="">the newest{present[0] ? `: step ${present[0].step.toLocaleString("en")}` : ""}</option>
          {present.map(({ step: at, best }) => <option key={at} value={at}>step {at.toLocaleString("en")}{best ? ", the best" : ""}</option>)}
          {step !== null && data && !present.some(({ step: at }) => at === step) && <option value={String(step)}>step {String(step)}: no longer there</option>}
        </select>
      )}
    </FieldRow>
  );
}
