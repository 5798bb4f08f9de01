// A cluster: a name and its hosts in their order.
import { useState, type FormEvent } from "react";
import { Cluster, type HostSummary } from "../../contract/hosts.ts";
import { toIssues } from "../../contract/specIssues.ts";
import { client, sentenceOf } from "../connection/index.ts";
import { Icon } from "../frame/Icon.tsx";

export function ClusterForm({ cluster, hosts, done }: { cluster: Cluster | null; hosts: readonly HostSummary[]; done: (name: string | null) => void }) {
  const [name, setName] = useState(cluster?.name ?? "");
  const [workers, setWorkers] = useState<readonly string[]>(cluster?.workers ?? []);
  const [tried, setTried] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const parsed = Cluster.safeParse({ name, workers });
  const issues = parsed.success ? [] : toIssues(parsed.error);
  const wrongName = tried || name !== "" ? issues.find(({ path }) => path === "name")?.message : undefined;
  const free = hosts.filter((host) => !workers.includes(host.name));
  const swap = (at: number, by: number) => setWorkers(workers.map((worker, index) => (index === at ? workers[at + by]! : index === at + by ? workers[at]! : worker)));
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!parsed.success) return;
    try {
      await client.send("clusters.save", { cluster: parsed.data });
      done(parsed.data.name);
    } catch (error) {
      setFailure(sentenceOf(error));
    }
  };
  return (
    <form className="host-form" onSubmit={(event) => void save(event)} noValidate>
      <h2>{cluster ? `Change ${cluster.name}` : "New cluster"}</h2>
      <p className="muted">Hosts that train as one, such as the workers of a pod slice. The same program is started on each; worker 0 holds the run.</p>
      <div className="field">
        <label htmlFor="cluster-name">Name</label>
        <input id="cluster-name" className="input" value={name} placeholder="pod" autoFocus disabled={cluster !== null} autoComplete="off" spellCheck={false} aria-invalid={wrongName !== undefined} onChange={(event) => setName(event.target.value.trim())} />
        <p className="field-help">{wrongName && <span className="field-error" role="alert">{wrongName}</span>}</p>
      </div>
      <h3>Workers</h3>
      {workers.length === 0 ? <p className={tried ? "field-error" : "muted"}>Choose the hosts below, worker 0 first.</p> : (
        <ol className="worker-list" start={0}>{workers.map((worker, index) => (
          <li key={worker}><span className="muted number">worker {index}</span> <bdi>{worker}</bdi>
            <span className="port-buttons">
              <button type="button" className="button" disabled={index === 0} aria-label={`Move ${worker} up`} onClick={() => swap(index, -1)}>↑</button>
              <button type="button" className="button" disabled={index === workers.length - 1} aria-label={`Move ${worker} down`} onClick={() => swap(index, 1)}>↓</button>
              <button type="button" className="icon-button" aria-label={`Take ${worker} out`} onClick={() => setWorkers(workers.filter((other) => other !== worker))}><Icon name="close" /></button>
            </span></li>
        ))}</ol>
      )}
      {free.length > 0 && <div className="free-hosts" role="group" aria-label="Hosts to add">{free.map((host) => <button key={host.name} type="button" className="button" onClick={() => setWorkers([...workers, host.name])}><Icon name="plus" />{host.name}</button>)}</div>}
      {failure && <p className="field-error" role="alert">{failure}</p>}
      <div className="host-form-buttons">
        <button type="submit" className="button primary">Save</button>
        <button type="button" className="button" onClick={() => done(null)}>Cancel</button>
      </div>
    </form>
  );
}
