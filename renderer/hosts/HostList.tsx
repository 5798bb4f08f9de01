// The list of hosts and clusters: one stop of the Tab key, the arrow keys move in it.
import type { KeyboardEvent } from "react";
import type { HostsState, HostSummary } from "../../contract/hosts.ts";
import { counted } from "../charts/quantity.ts";
import { useNow } from "../state/now.ts";
import { LINK, linkText, neededCount, shortDevices } from "./hostWords.ts";

interface Props { state: HostsState; chosen: string | null; choose: (name: string) => void }

export function HostList({ state: { hosts, clusters }, chosen, choose }: Props) {
  const names = [...hosts.filter(({ source }) => source === "added"), ...clusters, ...hosts.filter(({ source }) => source === "config")].map(({ name }) => name);
  const stop = chosen !== null && names.includes(chosen) ? chosen : names[0];
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const at = names.indexOf((event.target as HTMLElement).dataset["name"] ?? "");
    const next = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : event.key === "Home" ? 0 : event.key === "End" ? names.length - 1 : null;
    if (next === null || names[next] === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<HTMLElement>(`[data-name="${names[next]}"]`)?.focus();
  };
  const row = (host: HostSummary) => <HostRow key={host.name} host={host} chosen={host.name === chosen} stop={host.name === stop} choose={choose} />;
  return (
    <nav className="host-list" aria-label="Hosts and clusters" onKeyDown={move}>
      <Group title="Added">{hosts.filter(({ source }) => source === "added").map(row)}</Group>
      <Group title="Clusters">{clusters.map((cluster) => (
        <li key={cluster.name}>
          <button type="button" className="host-row" data-name={cluster.name} tabIndex={cluster.name === stop ? 0 : -1} aria-current={cluster.name === chosen} onClick={() => choose(cluster.name)}>
            <span className="status-glyph" aria-hidden="true">▦</span><bdi>{cluster.name}</bdi>
            <span className="host-row-facts muted number">{clusterText(cluster.workers, hosts)}</span>
          </button>
        </li>
      ))}</Group>
      <Group title="From ~/.ssh/config">{hosts.filter(({ source }) => source === "config").map(row)}</Group>
    </nav>
  );
}

function Group({ title, children }: { title: string; children: React.ReactNode[] }) {
  return children.length === 0 ? null : <section><h2>{title}</h2><ul>{children}</ul></section>;
}

function clusterText(workers: readonly string[], hosts: readonly HostSummary[]): string {
  const connected = workers.filter((worker) => hosts.some(({ name, link }) => name === worker && link.status === "connected")).length;
  return `${counted(workers.length, "worker")}${connected > 0 ? `, ${connected.toLocaleString("en")} connected` : ""}`;
}

function HostRow({ host, chosen, stop, choose }: { host: HostSummary; chosen: boolean; stop: boolean; choose: (name: string) => void }) {
  const now = useNow(), needed = neededCount(host);
  const text = host.checking ? `checking: ${host.checking}` : host.link.status === "connected" ? shortDevices(host.check) || "connected" : linkText(host.link, now);
  return (
    <li>
      <button type="button" className="host-row" data-name={host.name} tabIndex={stop ? 0 : -1} aria-current={chosen} onClick={() => choose(host.name)}>
        <span className="status-glyph" data-link={host.link.status} aria-hidden="true">{LINK[host.link.status].glyph}</span>
        <bdi title={host.name}>{host.name}</bdi>
        <span className="visually-hidden">, {LINK[host.link.status].word}</span>
        <span className="host-row-facts muted number">{text}{needed > 0 && !host.checking && host.link.status !== "unreachable" && <span className="host-row-needed"> · {needed.toLocaleString("en")} missing</span>}</span>
      </button>
    </li>
  );
}
