// Cloud TPUs of one project and zone: the list, what is asked for next, and the way from a TPU to its hosts.
import { useEffect, useState } from "react";
import type { RequestError } from "../../contract/client.ts";
import { TpuPlace } from "../../contract/tpuPlace.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { client, sentenceOf, useRefresh, useRequest } from "../connection/index.ts";
import { Icon } from "../frame/Icon.tsx";
import { FormRow } from "../hosts/FormRow.tsx";
import { setView, useView } from "../state/view.ts";
import { AddForm } from "./AddForm.tsx";
import { AskForm } from "./AskForm.tsx";
import { TpuTable } from "./TpuTable.tsx";
import { isMoving } from "./tpuWords.ts";
import "./tpus.css";

const EVERY_MILLISECONDS = 30_000;

export function TpuPanel() {
  const { cloud } = useView();
  const { data: defaults, error, isFetching, refetch } = useRequest("tpus.defaults", {});
  useEffect(() => {
    if (!cloud && defaults?.project && defaults.zone) setView({ cloud: { project: defaults.project, zone: defaults.zone } });
  }, [cloud, defaults]);
  return (
    <article className="tpus" aria-labelledby="tpus-title">
      <header className="host-head">
        <h2 id="tpus-title">Cloud TPUs</h2>
        <span className="muted">{defaults?.account ?? ""}</span>
      </header>
      <p className="muted host-note">TPU VMs and queued resources of a Google Cloud project, through your own <code>gcloud</code>. One that is ready becomes a host or a cluster here. It costs money from when it is ready until it is deleted.</p>
      {error && !cloud ? <Failure error={error} busy={isFetching} again={() => void refetch()} />
      : !defaults && !cloud ? <Looking what="which project it is set to" />
      : <>
          <PlaceForm key={cloud ? `${cloud.project} ${cloud.zone}` : ""} start={cloud ?? { project: defaults?.project ?? "", zone: defaults?.zone ?? "" }} />
          {cloud && <Tpus key={`${cloud.project} ${cloud.zone}`} place={cloud} />}
        </>}
    </article>
  );
}

function PlaceForm({ start }: { start: { project: string; zone: string } }) {
  const [draft, setDraft] = useState(start);
  const parsed = TpuPlace.safeParse(draft), issues = new Map(parsed.success ? [] : toIssues(parsed.error).map(({ path, message }) => [path, message]));
  const same = draft.project === start.project && draft.zone === start.zone && parsed.success;
  const set = (key: keyof typeof draft) => (value: string) => setDraft({ ...draft, [key]: value.trim() });
  const wrong = (key: keyof typeof draft) => (draft[key] === "" ? undefined : issues.get(key));
  return (
    <form className="tpu-place" onSubmit={(event) => { event.preventDefault(); if (parsed.success) setView({ cloud: parsed.data }); }} noValidate>
      <FormRow title="Project" value={draft.project} change={set("project")} error={wrong("project")} placeholder="my-project" />
      <FormRow title="Zone" value={draft.zone} change={set("zone")} error={wrong("zone")} placeholder="us-central2-b" />
      <button type="submit" className="button" disabled={!parsed.success || same}>Show</button>
    </form>
  );
}

type Doing = { kind: "ask" } | { kind: "add"; node: string };

function Tpus({ place }: { place: TpuPlace }) {
  const { data, error, isFetching, refetch } = useRequest("tpus.list", place, { every: (answer) => answer !== undefined && answer.tpus.some(isMoving) && EVERY_MILLISECONDS });
  const [doing, setDoing] = useState<Doing | null>(null);
  const refresh = useRefresh();
  const done = () => {
    setDoing(null);
    refresh("tpus.list");
  };
  if (!data) return error ? <Failure error={error} busy={isFetching} again={() => void refetch()} /> : <Looking what={`for the TPUs of ${place.project}, ${place.zone}`} />;
  return (
    <>
      <div className="tpu-buttons">
        <button type="button" className="button primary" onClick={() => setDoing({ kind: "ask" })}>Ask for a TPU…</button>
        <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>{isFetching ? "Looking…" : "Look again"}</button>
        <span className="muted" role="status">{data.tpus.some(isMoving) ? "Looked at again every 30 s." : ""}</span>
      </div>
      {error && <Failure error={error} busy={isFetching} again={() => void refetch()} />}
      {data.problems.map((sentence) => <p key={sentence} className="tpu-problem" role="alert">{sentence}</p>)}
      {doing?.kind === "ask" && <AskForm place={place} done={done} cancel={() => setDoing(null)} />}
      {doing?.kind === "add" && <AddForm key={doing.node} place={place} node={doing.node} cancel={() => setDoing(null)} />}
      {data.tpus.length > 0 ? <TpuTable tpus={data.tpus} place={place} choose={(node) => setDoing({ kind: "add", node })} />
      : doing === null && <div className="hosts-state"><h3>There is no TPU in {place.project}, {place.zone}</h3><p className="muted">Ask for one here: the request waits in Google’s queue until there are chips. TPUs that were made elsewhere are listed too.</p></div>}
    </>
  );
}

const Looking = ({ what }: { what: string }) => (
  <p className="tpu-buttons" role="status"><span className="muted">Asking gcloud {what}…</span><button type="button" className="button" onClick={() => void client.send("tpus.cancel", {}).catch(() => {})}>Cancel</button></p>
);

function Failure({ error, busy, again }: { error: RequestError; busy: boolean; again: () => void }) {
  return (
    <section className="host-failure" role="alert">
      <p><Icon name="warning" /><b>{sentenceOf(error)}</b></p>
      {error.detail && <details><summary>What gcloud said</summary><pre>{error.detail}</pre></details>}
      <p><button type="button" className="button" disabled={busy} onClick={again}>{busy ? "Trying…" : "Try again"}</button></p>
    </section>
  );
}
