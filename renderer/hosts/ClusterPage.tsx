// One cluster: its workers side by side.
import type { Cluster, HostSummary } from "../../contract/hosts.ts";
import { shortNumber } from "../charts/quantity.ts";
import { useNow } from "../state/now.ts";
import { newRunOn } from "../state/runActions.ts";
import { checkHost, removeHost } from "./actions.ts";
import { LINK, linkText, neededCount, shortDevices } from "./hostWords.ts";

interface Props { cluster: Cluster; hosts: readonly HostSummary[]; edit: () => void; choose: (name: string) => void }

export function ClusterPage({ cluster: { name, workers }, hosts, edit, choose }: Props) {
  const now = useNow();
  const found = workers.map((worker) => hosts.find((host) => host.name === worker) ?? null);
  return (
    <article className="host-page" aria-labelledby="host-name">
      <header className="host-head">
        <h2 id="host-name"><bdi>{name}</bdi></h2>
        <span className="muted number">{workers.length.toLocaleString("en")} {workers.length === 1 ? "worker" : "workers"}</span>
        <span className="host-buttons">
          <button type="button" className="button primary" disabled={found.every((host) => host?.checking !== null)} onClick={() => found.forEach((host) => host && host.checking === null && checkHost(host.name))}>Check all</button>
          <button type="button" className="button" onClick={() => newRunOn(name)}>New run there</button>
          <button type="button" className="button" onClick={edit}>Change…</button>
          <button type="button" className="button" onClick={() => removeHost(name, "cluster")}>Remove</button>
        </span>
      </header>
      <div className="plan-scroll">
        <table className="file-table host-table number">
          <caption className="visually-hidden">Workers of {name}</caption>
          <thead><tr><th scope="col">Worker</th><th scope="col">Host</th><th scope="col">Link</th><th scope="col">Round trip, ms</th><th scope="col">Devices</th><th scope="col">Missing</th></tr></thead>
          <tbody>{found.map((host, index) => (
            <tr key={workers[index]}>
              <td>{index}</td>
              <th scope="row">{host ? <button type="button" className="link" onClick={() => choose(host.name)}>{host.name}</button> : workers[index]}</th>
              {host ? <>
                <td><span className="status-glyph" data-link={host.link.status} aria-hidden="true">{LINK[host.link.status].glyph}</span> {host.checking ?? linkText(host.link, now)}</td>
                <td>{host.check?.roundTripMilliseconds == null ? "" : shortNumber(host.check.roundTripMilliseconds, 3)}</td>
                <td>{shortDevices(host.check)}</td>
                <td>{host.check ? neededCount(host) === 0 ? "nothing" : host.check.findings.find(({ level }) => level === "needed")!.message : ""}</td>
              </> : <td colSpan={4} className="field-error">This host is not here any more.</td>}
            </tr>
          ))}</tbody>
        </table>
      </div>
    </article>
  );
}
