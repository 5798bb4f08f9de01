// The runs that lie on a host, to be attached to: from then on they stand in the list beside those of this machine.
import { useState } from "react";
import { counted, quantity } from "../charts/quantity.ts";
import type { FoundRemoteLog, FoundRun } from "../../contract/remoteRun.ts";
import { client, sentenceOf, useRefresh, useRequest } from "../connection/index.ts";
import { ColumnsField, useColumns } from "../frame/ColumnsField.tsx";
import { age } from "../frame/runText.ts";
import { attempt } from "../state/notice.ts";
import { chooseRun } from "../state/runActions.ts";
import "./remote.css";

const STATE: Record<FoundRun["state"], string> = { ended: "ended", alive: "going", gone: "gone", rebooted: "gone", elsewhere: "on another machine", none: "not started", absent: "absent" };

export function HostRuns({ host }: { host: string }) {
  const [path, setPath] = useState("");
  /** The folder that is asked about; undefined before anybody asked. */
  const [asked, setAsked] = useState<string | null | undefined>(undefined);
  return (
    <section className="host-runs" aria-label={`Runs on ${host}`}>
      <h3>Runs there</h3>
      <form className="host-runs-form" onSubmit={(event) => {
        event.preventDefault();
        setAsked(path.trim() || null);
      }}>
        <input className="input" aria-label="Folder on the host" placeholder="its runs folder, or one with runs or logs" value={path} spellCheck={false} onChange={(event) => setPath(event.target.value)} />
        <button type="submit" className="button">Find runs</button>
      </form>
      {asked !== undefined && <Found key={asked} host={host} path={asked} />}
    </section>
  );
}

/** The folder that all of them lie in, with the slash behind it: beside each other they differ in what follows. */
function commonFolder(paths: readonly string[]): string {
  const [first = "", ...others] = paths;
  let folder = first.slice(0, first.lastIndexOf("/") + 1);
  while (folder !== "" && !others.every((path) => path.startsWith(folder))) folder = folder.slice(0, folder.lastIndexOf("/", folder.length - 2) + 1);
  return folder;
}

/** Other trainers' logs, where there are no runs. */
function FoundLogs({ host, path }: { host: string; path: string }) {
  const { data, error, dataUpdatedAt } = useRequest("hosts.logs", { name: host, path }), columns = useColumns();
  if (error) return <p className="field-error" role="alert">{sentenceOf(error)}</p>;
  if (!data) return <p className="muted" role="status">Looking for other trainers’ logs…</p>;
  if (data.logs.length === 0) return <p className="muted">No run and no other trainer’s log was found at {path}.</p>;
  const folder = commonFolder(data.logs.map((log) => log.path));
  const attach = (log: FoundRemoteLog) => {
    const mapping = columns.read();
    if (mapping) attempt(async () => chooseRun((await client.send("runs.attachLog", { host, path: log.path, ...mapping })).runId));
  };
  return (
    <div className="host-runs-table">
      {data.logs.some(({ format, runId }) => format !== "tensorboard" && runId === null) && <ColumnsField columns={columns} />}
      <table className="file-table number">
        <caption className="visually-hidden">{counted(data.logs.length, "log")} on {host}</caption>
        <thead><tr><th scope="col">Log in <code title={folder}>{folder}</code></th><td /><th scope="col">Format</th><th scope="col">Changed</th><th scope="col">Size</th></tr></thead>
        <tbody>{data.logs.map((log) => (
          <tr key={log.path}>
            <th scope="row"><code title={log.path}>{log.path.slice(folder.length)}</code></th>
            <td><button type="button" className="button" aria-label={`Import ${log.path}`} onClick={() => attach(log)}>{log.runId === null ? "Import" : "Read on"}</button></td>
            <td>{log.format ?? "text"}</td><td>{age(log.changed, dataUpdatedAt / 1000)}</td><td>{quantity(log.bytes, "bytes")}</td>
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}

function Found({ host, path }: { host: string; path: string | null }) {
  const { data, error, isFetching, dataUpdatedAt } = useRequest("hosts.runs", { name: host, path });
  const refresh = useRefresh();
  if (error) return <p className="field-error" role="alert">{sentenceOf(error)}</p>;
  if (!data) return <p className="muted" role="status">Looking for runs on {host}…</p>;
  if (data.runs.length === 0) return path === null ? <p className="muted">No run was found in its runs folder.</p> : <FoundLogs host={host} path={path} />;
  const attach = (run: FoundRun) => attempt(async () => {
    const { runId } = await client.send("runs.attach", { host, directory: run.directory });
    refresh("hosts.runs");
    chooseRun(runId);
  });
  const now = dataUpdatedAt / 1000, folder = commonFolder(data.runs.map((run) => run.directory));
  return (
    <>
      <div className="host-runs-table">
        <table className="file-table number" aria-busy={isFetching}>
          <caption className="visually-hidden">{counted(data.runs.length, "run")} on {host}, newest first</caption>
          <thead><tr><th scope="col">Name</th><td /><th scope="col">State</th><th scope="col">Step</th><th scope="col">Changed</th><th scope="col">Events</th><th scope="col">Folder{path !== null && <> in <code title={folder}>{folder}</code></>}</th></tr></thead>
          <tbody>{data.runs.map((run) => (
            <tr key={run.directory}>
              <th scope="row"><bdi title={run.name}>{run.name}</bdi></th>
              <td>{run.runId === null
                ? <button type="button" className="button" aria-label={`Attach to ${run.name}`} onClick={() => attach(run)}>Attach</button>
                : <button type="button" className="link" onClick={() => attach(run)}>attached</button>}</td>
              <td>{run.state === "ended" ? run.reason ?? "ended" : STATE[run.state]}</td><td>{run.step.toLocaleString("en")}</td>
              <td>{age(run.changed, now)}</td><td>{quantity(run.bytes, "bytes")}</td><td><code title={run.directory}>{run.directory.slice(folder.length)}</code></td>
            </tr>
          ))}</tbody>
        </table>
      </div>
      {data.more && <p className="muted">There are more; name a folder further down.</p>}
    </>
  );
}
