// The dialogs of the frame; at most one is open.
import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";
import { requests, type RunSummary } from "../../contract/handlers.ts";
import { toIssues } from "../../contract/specIssues.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import type { Tpu } from "../../contract/tpus.ts";
import { counted, quantity } from "../charts/quantity.ts";
import { shortName } from "../charts/summary.ts";
import { client, sentenceOf, useRefresh, useRequest } from "../connection/index.ts";
import { ContinueForm } from "../remoteRuns/ContinueForm.tsx";
import { openDialog, useDialog } from "../state/dialog.ts";
import { attempt } from "../state/notice.ts";
import { colour, note, rename, tag } from "../state/runActions.ts";
import { useHosts } from "../state/hosts.ts";
import { isGoing, useRuns } from "../state/runs.ts";
import { madeOf } from "../tpus/tpuWords.ts";
import { ImportForm } from "./ImportForm.tsx";
import { SHORTCUTS } from "./keys.ts";
import { Palette } from "./Palette.tsx";
import { Swatch } from "./Swatch.tsx";

const COLOURS = 40;
const close = () => openDialog(null);

export function Dialogs() {
  const dialog = useDialog();
  const { runs } = useRuns();
  const run = dialog && "runId" in dialog ? runs.find(({ id }) => id === dialog.runId) : undefined;
  return (
    <Dialog.Root open={dialog !== null} onOpenChange={(open) => { if (!open) close(); }}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        {dialog?.kind === "palette" ? <Dialog.Popup className="dialog palette" aria-label="Search or run a command"><Palette /></Dialog.Popup> : (
          <Dialog.Popup className="dialog">
            {dialog?.kind === "keys" && <Keys />}
            {dialog?.kind === "import" && <ImportForm close={close} />}
            {run && dialog?.kind === "rename" && <TextForm title="Rename" label="Name" start={run.name} limit={200} save={(text) => rename(run, text)} />}
            {run && dialog?.kind === "tags" && <TextForm title="Tags" label="Tags, separated by commas" start={run.tags.join(", ")} empty limit={4000} check={wrongTags} save={(text) => tag(run, splitTags(text))} />}
            {run && dialog?.kind === "note" && <TextForm title="Note" label="Note" start={run.note} empty long limit={20_000} save={(text) => note(run, text)} />}
            {run && dialog?.kind === "continue" && <ContinueForm run={run} step={dialog.step} close={close} />}
            {run && dialog?.kind === "steps" && <StepsForm run={run} />}
            {run && dialog?.kind === "colour" && <ColourForm run={run} />}
            {dialog?.kind === "delete-model" && <DeleteModel modelId={dialog.modelId} />}
            {dialog?.kind === "delete-tpu" && <DeleteTpu tpu={dialog.tpu} place={dialog.place} />}
          </Dialog.Popup>
        )}
      </Dialog.Portal>
    </Dialog.Root>
  );
}

const splitTags = (text: string): string[] => [...new Set(text.split(",").map((part) => part.trim()).filter(Boolean))];

/** Why the backend would refuse the tags; null where it would not. */
function wrongTags(text: string): string | null {
  const tags = splitTags(text);
  const { error } = requests["runs.tag"].args.shape.tags.safeParse(tags);
  if (!error) return null;
  const { path, message } = toIssues(error)[0]!;
  return path === "" ? message : `“${shortName(tags[Number(path)]!)}”: ${message}`;
}

function Form({ title, submit, disabled = false, danger = false, onSubmit, children }: { title: string; submit: string; disabled?: boolean; danger?: boolean; onSubmit: () => Promise<unknown>; children: ReactNode }) {
  const [refusal, setRefusal] = useState<string | null>(null);
  const shown = useRef(false);
  useEffect(() => {
    shown.current = true;
    return () => void (shown.current = false);
  }, []);
  const submitted = (event: FormEvent) => {
    event.preventDefault();
    attempt(async () => {
      try {
        await onSubmit();
        if (shown.current) close();
      } catch (error) {
        // What was refused stays open, with what was typed; without the dialog it is said at the bottom.
        if (!shown.current) throw error;
        setRefusal(sentenceOf(error));
      }
    });
  };
  return (
    <form onSubmit={submitted}>
      <Dialog.Title render={<h2 />}>{title}</Dialog.Title>
      {children}
      {refusal && <p className="field-error" role="alert">{refusal}</p>}
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={close}>Cancel</button>
        <button type="submit" className={danger ? "button danger" : "button primary"} disabled={disabled}>{submit}</button>
      </div>
    </form>
  );
}

interface TextFormProps { title: string; label: string; start: string; limit: number; empty?: boolean; long?: boolean; check?: (text: string) => string | null; save: (text: string) => Promise<unknown> }

function TextForm({ title, label, start, limit, empty = false, long = false, check = () => null, save }: TextFormProps) {
  const [text, setText] = useState(start);
  const problemId = useId();
  const trimmed = text.trim();
  const wrong = check(trimmed);
  const shared = { className: "input", value: text, "aria-invalid": wrong !== null, "aria-describedby": problemId, maxLength: limit, autoFocus: true, onChange: (event: { target: { value: string } }) => setText(event.target.value) };
  return (
    <Form title={title} submit="Save" disabled={(!empty && trimmed === "") || trimmed === start || wrong !== null} onSubmit={() => save(trimmed)}>
      <label className="dialog-field"><span className="muted">{label}</span>{long ? <textarea rows={6} {...shared} /> : <input {...shared} onFocus={(event) => event.target.select()} />}</label>
      <p id={problemId} className="field-error" role="alert">{wrong}</p>
    </Form>
  );
}

function StepsForm({ run }: { run: RunSummary }) {
  const [steps, setSteps] = useState(Math.max(run.steps, run.step) * 2);
  const wrong = !Number.isInteger(steps) || steps <= run.step;
  return (
    <Form title="Train further" submit="Train" disabled={wrong} onSubmit={() => client.send("runs.resume", { runId: run.id, steps })}>
      <label className="dialog-field"><span className="muted">Steps in all, {run.step.toLocaleString("en")} of them done</span>
        <input className="input number" type="number" min={run.step + 1} step={1} value={Number.isNaN(steps) ? "" : steps} autoFocus onChange={(event) => setSteps(event.target.valueAsNumber)} /></label>
      {wrong && <p className="field-error">Must be a whole number above {run.step.toLocaleString("en")}, the steps already done.</p>}
    </Form>
  );
}

function ColourForm({ run }: { run: RunSummary }) {
  const [chosen, setChosen] = useState(run.colour);
  return (
    <Form title="Colour" submit="Save" disabled={chosen === run.colour} onSubmit={() => colour(run, chosen)}>
      <div className="colours" role="radiogroup" aria-label="Colour and dash">
        {Array.from({ length: COLOURS }, (_, index) => (
          <label key={index} data-chosen={index === chosen}><input className="visually-hidden" type="radio" name="colour" checked={index === chosen} onChange={() => setChosen(index)} aria-label={`Colour ${index % 10 + 1}${index >= 10 ? `, dash ${Math.floor(index / 10)}` : ""}`} /><Swatch colour={index} /></label>
        ))}
      </div>
    </Form>
  );
}

function DeleteModel({ modelId }: { modelId: string }) {
  const { data: models } = useRequest("models.list", {});
  const refresh = useRefresh();
  const model = models?.find(({ id }) => id === modelId);
  const remove = async () => {
    await client.send("models.delete", { modelId });
    refresh("models.list");
  };
  return (
    <Form title="Delete the model" submit="Delete for good" danger onSubmit={remove}>
      <p><bdi>{model?.name ?? modelId}</bdi> and its copy of the weights{model ? ` (${quantity(model.files.reduce((sum, { bytes }) => sum + bytes, 0), "bytes")})` : ""} are removed at once. Runs that began from it keep their own weights; the folder it was read from stays.</p>
    </Form>
  );
}

function DeleteTpu({ tpu, place: { project, zone } }: { tpu: Tpu; place: TpuPlace }) {
  const { hosts = [], clusters = [] } = useHosts() ?? {};
  const refresh = useRefresh();
  const made = madeOf(tpu, { project, zone }, hosts, clusters);
  const going = useRuns().runs.filter((run) => isGoing(run) && run.host !== null && [...made.hosts, ...made.clusters].includes(run.host)).length;
  const remove = async () => {
    await client.send("tpus.delete", { place: { project, zone }, kind: tpu.kind, name: tpu.name });
    refresh("tpus.list");
  };
  return (
    <Form title={`Delete ${tpu.name}`} submit="Delete for good" danger onSubmit={remove}>
      <p><bdi>{tpu.name}</bdi> ({tpu.accelerator}) in {project}, {zone} {tpu.nodes.length > 0 ? "goes with its machines and everything that lies on them" : "is called off"}. What was copied here stays.</p>
      {going > 0 && <p className="field-error">{counted(going, "run")} {going === 1 ? "goes" : "go"} on it, and {going === 1 ? "ends" : "end"} with it: stop {going === 1 ? "it" : "them"} and fetch the checkpoint first.</p>}
      {made.hosts.length > 0 && <p className="muted">{made.hosts.length === 1 ? `The host ${made.hosts[0]} stays` : `Its ${made.hosts.length.toLocaleString("en")} hosts stay`} in the list until you remove {made.hosts.length === 1 ? "it" : "them"}.</p>}
    </Form>
  );
}

function Keys() {
  return (
    <>
      <Dialog.Title render={<h2 />}>Keys</Dialog.Title>
      <table className="keys"><tbody>{SHORTCUTS.map(({ keys, does }) => <tr key={keys}><th scope="row"><kbd>{keys}</kbd></th><td>{does}</td></tr>)}</tbody></table>
      <div className="dialog-buttons"><button type="button" className="button" onClick={close}>Close</button></div>
    </>
  );
}
