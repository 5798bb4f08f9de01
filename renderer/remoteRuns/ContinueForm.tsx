// A new run that goes on from a checkpoint: on this machine or on a host, whichever of them the checkpoint lies on.
import { useId, useState } from "react";
import type { RunSummary } from "../../contract/handlers.ts";
import { client, sentenceOf } from "../connection/index.ts";
import { chooseRun } from "../state/runActions.ts";
import { PlaceSelect } from "./places.tsx";
import { useTransfer } from "./useTransfer.ts";
import "./remote.css";

export function ContinueForm({ run, step, close }: { run: RunSummary; step: number; close: () => void }) {
  const place = useId(), wanted = useId();
  const [where, setWhere] = useState<string | null>(null);
  const [steps, setSteps] = useState(String(run.steps > step ? run.steps : 2 * step));
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const transfer = useTransfer(run.id, step, busy);
  const count = Number(steps), wrong = !Number.isSafeInteger(count) || count <= step ? `Give a step after ${step.toLocaleString("en")}.` : null;
  const begin = async () => {
    if (wrong !== null || busy) return;
    setBusy(true);
    setFailure(null);
    try {
      const { runId } = await client.send("runs.continue", { runId: run.id, step, where: where === null ? null : { host: where }, steps: count });
      close();
      chooseRun(runId);
    } catch (error) {
      setFailure(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <form className="continue-form" onSubmit={(event) => { event.preventDefault(); void begin(); }}>
      <h2>Go on from step {step.toLocaleString("en")}</h2>
      <p className="muted">A new run begins with this checkpoint. “{run.name}” stays as it is.</p>
      <div className="dialog-field"><label htmlFor={place}>Where</label><PlaceSelect id={place} value={where} change={setWhere} /></div>
      <div className="dialog-field"><label htmlFor={wanted}>Train to step</label><input id={wanted} className="input number" inputMode="numeric" value={steps} aria-invalid={wrong !== null} onChange={(event) => setSteps(event.target.value)} /></div>
      {wrong !== null && <p className="field-error">{wrong}</p>}
      {failure !== null && <p className="field-error" role="alert">{failure}</p>}
      {transfer !== null && <p className="muted" role="status">{transfer}</p>}
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={close}>Cancel</button>
        <button type="submit" className="button primary" disabled={busy || wrong !== null}>{busy ? "Starting…" : "Go on"}</button>
      </div>
    </form>
  );
}
