// Adding a TPU VM otherwise than by itself: who logs in, with which key, on which way.
import { useState, type FormEvent } from "react";
import { REMOTE_RUNS } from "../../contract/hosts.ts";
import { toIssues } from "../../contract/specIssues.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import { TPU_PYTHON, TpuHostOptions } from "../../contract/tpus.ts";
import { sentenceOf } from "../connection/index.ts";
import { FormRow } from "../hosts/FormRow.tsx";
import { makeHosts, useAdding } from "./addHosts.ts";

const FIELDS = { as: "", user: "", identityFile: "", jump: "", python: "", runs: "" };

export function AddForm({ place, node, cancel }: { place: TpuPlace; node: string; cancel: () => void }) {
  const [draft, setDraft] = useState(FIELDS);
  const [internal, setInternal] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const adding = useAdding() === node;
  const parsed = TpuHostOptions.safeParse({ ...Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== "")), ...(internal ? { internal } : {}) });
  const issues = new Map(parsed.success ? [] : toIssues(parsed.error).map(({ path, message }) => [path, message]));
  const row = (key: keyof typeof FIELDS) => ({ value: draft[key], error: issues.get(key), change: (value: string) => setDraft({ ...draft, [key]: value.trim() }) });
  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (!parsed.success) return;
    setFailure(null);
    try {
      await makeHosts(place, node, parsed.data);
    } catch (error) {
      setFailure(sentenceOf(error));
    }
  };
  return (
    <form className="host-form tpu-form" onSubmit={(event) => void add(event)} noValidate aria-labelledby="tpu-add-title">
      <h3 id="tpu-add-title">Add {node}</h3>
      <p className="muted">What is left empty is taken from the TPU’s metadata and your <code>~/.ssh</code>, or stays as it was.</p>
      <FormRow title="Name here" {...row("as")} placeholder={node} autoFocus />
      <FormRow title="User" {...row("user")} help="With OS Login: the name that gcloud compute os-login describe-profile says." />
      <FormRow title="Identity file" {...row("identityFile")} placeholder="~/.ssh/google_compute_engine" />
      <FormRow title="Through" {...row("jump")} help="A host of its network to jump through: HOST, USER@HOST or USER@HOST:PORT." />
      <label className="field-check"><input type="checkbox" checked={internal} onChange={(event) => setInternal(event.target.checked)} />By its internal addresses</label>
      <FormRow title="Python there" {...row("python")} placeholder={TPU_PYTHON} />
      <FormRow title="Runs folder there" {...row("runs")} placeholder={REMOTE_RUNS} />
      {failure && <p className="field-error" role="alert">{failure}</p>}
      <div className="host-form-buttons">
        <button type="submit" className="button primary" disabled={adding || !parsed.success}>{adding ? "Adding…" : "Add and check"}</button>
        <button type="button" className="button" onClick={cancel}>Cancel</button>
      </div>
    </form>
  );
}
