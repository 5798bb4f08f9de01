// Hosts: a list of machines and clusters on the left, the chosen one on the right.
import { useState } from "react";
import { counted } from "../charts/quantity.ts";
import { useHosts } from "../state/hosts.ts";
import { setView, useView } from "../state/view.ts";
import { TpuPanel } from "../tpus/TpuPanel.tsx";
import { ClusterForm } from "./ClusterForm.tsx";
import { ClusterPage } from "./ClusterPage.tsx";
import { HostForm } from "./HostForm.tsx";
import { HostList } from "./HostList.tsx";
import { HostPage } from "./HostPage.tsx";
import "./hosts.css";

type Editing = { kind: "host" | "cluster"; name: string | null };

export function HostsPage() {
  const state = useHosts();
  const { host: chosen, page } = useView();
  const [editing, setEditing] = useState<Editing | null>(null);
  if (!state) return <div className="page-state"><p className="muted" role="status">Reading the hosts…</p></div>;
  const { hosts, clusters, problems } = state;
  const host = hosts.find(({ name }) => name === chosen), cluster = clusters.find(({ name }) => name === chosen);
  const choose = (name: string) => {
    setEditing(null);
    setView({ page: "hosts", host: name });
  };
  const tpus = () => {
    setEditing(null);
    setView({ page: "tpus" });
  };
  const done = (name: string | null) => {
    setEditing(null);
    if (name !== null) setView({ host: name });
  };
  const nothing = hosts.length === 0 && clusters.length === 0;
  return (
    <div className="hosts">
      <header className="compare-head">
        <h1>Hosts</h1>
        <span className="muted number">{nothing ? "" : [counted(hosts.length, "host"), ...(clusters.length > 0 ? [counted(clusters.length, "cluster")] : [])].join(", ")}</span>
        <span className="compare-buttons">
          {!nothing && <button type="button" className="button" onClick={() => setEditing({ kind: "host", name: null })}>Add a host…</button>}
          {hosts.length > 0 && <button type="button" className="button" onClick={() => setEditing({ kind: "cluster", name: null })}>New cluster…</button>}
          <button type="button" className="button" aria-pressed={page === "tpus" && !editing} onClick={tpus}>Cloud TPUs</button>
          <button type="button" className="button" onClick={() => setView({ page: "runs" })}>Back to the runs</button>
        </span>
      </header>
      {problems.map((sentence) => <p key={sentence} className="hosts-problem" role="alert">{sentence}</p>)}
      <div className="hosts-body" data-empty={nothing}>
        {!nothing && <HostList state={state} chosen={editing || page === "tpus" ? null : chosen} choose={choose} />}
        <div className="hosts-detail">
          {editing?.kind === "host" ? <HostForm key={editing.name} host={hosts.find(({ name }) => name === editing.name) ?? null} done={done} />
          : editing?.kind === "cluster" ? <ClusterForm key={editing.name} cluster={clusters.find(({ name }) => name === editing.name) ?? null} hosts={hosts} done={done} />
          : page === "tpus" ? <TpuPanel />
          : host ? <HostPage key={host.name} host={host} forwards={state.forwards.filter((forward) => forward.host === host.name)} edit={() => setEditing({ kind: "host", name: host.name })} />
          : cluster ? <ClusterPage cluster={cluster} hosts={hosts} edit={() => setEditing({ kind: "cluster", name: cluster.name })} choose={choose} />
          : chosen !== null && !nothing ? <div className="hosts-state"><h2>There is no host “{chosen}”</h2><p className="muted">It may have been removed here or in ~/.ssh/config.</p></div>
          : nothing ? <Empty add={() => setEditing({ kind: "host", name: null })} tpus={tpus} /> : <div className="hosts-state"><p className="muted">Choose a host to see what it has, or check it to look anew.</p></div>}
        </div>
      </div>
    </div>
  );
}

const Empty = ({ add, tpus }: { add: () => void; tpus: () => void }) => (
  <div className="hosts-state">
    <h2>No host is known yet</h2>
    <p>A host is any Linux machine that you can log in to with SSH: a TPU VM, a worker of a pod, a workstation with GPUs. Its runs appear beside yours, in the same panels.</p>
    <p>Hosts of <code>~/.ssh/config</code> are listed here by themselves. Another one needs its address alone; keys, agents, jump hosts and hardware keys are left to the system’s own <code>ssh</code>.</p>
    <p className="page-buttons"><button type="button" className="button primary" onClick={add}>Add a host…</button><button type="button" className="button" onClick={tpus}>Cloud TPUs…</button></p>
  </div>
);
