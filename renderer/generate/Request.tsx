// The left side: text, checkpoint, method and its settings, and the button.
import { useId, type KeyboardEvent } from "react";
import type { Checkpoint } from "../../contract/handlers.ts";
import type { GenerationSource } from "../../contract/generation.ts";
import { fromWire } from "../../contract/events.ts";
import type { RunSpec } from "../../contract/runSpec.ts";
import { shortNumber } from "../charts/quantity.ts";
import { commandKey } from "../frame/keys.ts";
import { typedNumber } from "../spec/draft.ts";
import { isGoing, settingProblems, type Checkpoint as Choice, type Draft } from "./generationStore.ts";
import { exampleText, settingFacts, settingsOf, type Setting } from "./settingFields.ts";
import { generations, useGeneration } from "./store.ts";

interface Props {
  kind: GenerationSource["kind"];
  id: string;
  architecture: RunSpec["model"]["architecture"];
  /** What the model was trained to do: it decides the example. */
  objective: RunSpec["data"]["objective"];
  /** Newest first; an imported model has none to choose from. */
  checkpoints: readonly Checkpoint[];
}

export function Request({ kind, id, architecture, objective, checkpoints }: Props) {
  const { draft, state } = useGeneration(id);
  const example = exampleText(objective), text = draft.text ?? example;
  const encoder = architecture === "encoder-decoder", going = isGoing(state);
  const problems = settingProblems(draft.settings);
  const problem = Object.values(problems)[0];
  // A decoder may begin with nothing; an encoder has to read something.
  const ready = problem === undefined && (text.trim() !== "" || !encoder);
  const ids = { text: useId(), help: useId(), checkpoint: useId() };
  const change = (changes: Partial<Draft>) => generations.change(id, changes);
  const go = () => { if (ready) generations.generate(kind, id, text); };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    go();
  };
  return (
    <form className="generate-request" onSubmit={(event) => { event.preventDefault(); go(); }} onKeyDown={onKey}>
      <div className="generate-field">
        <label htmlFor={ids.text}>{encoder ? "Input" : "Prompt"}</label>
        <textarea id={ids.text} className="input" rows={5} value={text} maxLength={100_000} aria-describedby={ids.help} onChange={(event) => change({ text: event.target.value })} />
        <p id={ids.help} className="field-help muted">
          {objective === "span-corruption" ? "<extra_id_0>, <extra_id_1> … are hidden spans for the model to fill in." : encoder ? "What the encoder reads." : "The model goes on from here."}
          {text !== example && example !== "" && <> <button type="button" className="link" onClick={() => change({ text: null })}>Use the example</button></>}
        </p>
      </div>
      {checkpoints.length > 0 && <div className="generate-field">
        <label htmlFor={ids.checkpoint}>Checkpoint</label>
        <select id={ids.checkpoint} className="input" value={String(draft.checkpoint)} onChange={(event) => change({ checkpoint: checkpointOf(event.target.value) })}>
          {checkpointChoices(checkpoints, draft.checkpoint).map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
        </select>
      </div>}
      <div className="generate-field">
        <span id={`${ids.text}-method`}>Method</span>
        <div className="segments" role="radiogroup" aria-labelledby={`${ids.text}-method`}>
          {settingFacts("method").choices.map(({ value, label }) => (
            <label key={value} title={settingFacts("method").description}><input type="radio" name="generation-method" checked={draft.settings.method === value} onChange={() => change({ settings: { ...draft.settings, method: value } })} />{label}</label>
          ))}
        </div>
      </div>
      <div className="generate-settings">
        {settingsOf(draft.settings.method).map((setting) => (
          <NumberField key={setting} setting={setting} value={draft.settings[setting]} problem={problems[setting]} change={(value) => change({ settings: { ...draft.settings, [setting]: value } })} />
        ))}
      </div>
      <div className="generate-buttons">
        {/* Two buttons by their keys: one that turned into the submit button while it is clicked would submit. */}
        {going ? <button key="stop" type="button" className="button" onClick={() => generations.stop(id)}>Stop</button>
          : <button key="generate" type="submit" className="button primary" disabled={!ready}>Generate</button>}
        <span className="muted"><kbd>{commandKey}Enter</kbd></span>
      </div>
    </form>
  );
}

const checkpointOf = (value: string): Choice => (value === "newest" || value === "best" ? value : Number(value));

/** Newest and best by name, then every step; a chosen one that is gone stays in sight. */
function checkpointChoices(checkpoints: readonly Checkpoint[], chosen: Choice): { value: string; label: string }[] {
  const step = ({ step: number }: Checkpoint) => `step ${number.toLocaleString("en")}`;
  const best = checkpoints.find((checkpoint) => checkpoint.best);
  const choices = [
    { value: "newest", label: `newest (${step(checkpoints[0]!)})` },
    ...(best ? [{ value: "best", label: `best (${step(best)})` }] : []),
    ...checkpoints.map((checkpoint) => ({
      value: String(checkpoint.step),
      label: `${step(checkpoint)}${checkpoint.evaluationLoss === null ? "" : `, evaluation ${shortNumber(fromWire(checkpoint.evaluationLoss))}`}`,
    })),
  ];
  const value = String(chosen);
  return choices.some((choice) => choice.value === value) ? choices : [...choices, { value, label: value === "best" ? "best (none was evaluated)" : `step ${value} (gone)` }];
}

function NumberField({ setting, value, problem, change }: { setting: Setting; value: number | string; problem: string | undefined; change: (value: number | string) => void }) {
  const { title, unit, description } = settingFacts(setting), id = useId();
  return (
    <div className="generate-field" title={description}>
      <label htmlFor={id}>{title}</label>
      <input id={id} className="input number" inputMode="decimal" autoComplete="off" defaultValue={String(value)} aria-description={`${description}${unit ? ` In ${unit}.` : ""}`} aria-invalid={problem !== undefined} onChange={(event) => change(typedNumber(event.target.value) as number | string)} />
      {problem !== undefined && <p className="field-help field-error" role="alert">{problem}</p>}
    </div>
  );
}
