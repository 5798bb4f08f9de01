// Where a run can be trained: this machine, a host, or a cluster of hosts.
import { useRequest } from "../connection/index.ts";

interface Props { id: string; describedBy?: string; value: string | null; change: (host: string | null) => void; name?: string }

/** A choice among them; null is this machine. */
export function PlaceSelect({ id, describedBy, value, change, name = "where" }: Props) {
  const { data } = useRequest("hosts.list", {});
  const hosts = data?.hosts.map((host) => host.name) ?? [], clusters = data?.clusters ?? [];
  const known = value === null || hosts.includes(value) || clusters.some((cluster) => cluster.name === value);
  return (
    <select id={id} name={name} className="input" aria-describedby={describedBy} value={value ?? ""} onChange={(event) => change(event.target.value || null)}>
      <option value="">This machine</option>
      {hosts.length > 0 && <optgroup label="Hosts">{hosts.map((host) => <option key={host} value={host}>{host}</option>)}</optgroup>}
      {clusters.length > 0 && <optgroup label="Clusters">{clusters.map((cluster) => <option key={cluster.name} value={cluster.name}>{cluster.name} · {cluster.workers.length} hosts</option>)}</optgroup>}
      {!known && data && <option value={value!}>{value}: not known any more</option>}
    </select>
  );
}
