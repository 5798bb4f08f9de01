// The hosts that are made of a TPU VM: one for each worker, and a cluster where there are several.
import { Cluster, Host, HostName } from "../../contract/hosts.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";
import { TPU_PYTHON, type TpuHostOptions, type TpuNode } from "../../contract/tpus.ts";
import { PersonError } from "../personError.ts";
import { loginOf } from "./sshKeys.ts";
import type { ReadNode } from "./tpuAnswers.ts";

/** Hosts and clusters that are here already. */
export interface Present { hosts: readonly Host[]; clusters: readonly Cluster[] }

const isOf = ({ tpu }: Host, { project, zone }: TpuPlace, node: string): boolean => tpu?.project === project && tpu.zone === zone && tpu.node === node;
/** A key belongs to the machine, whatever address it has. */
const aliasOf = (id: string | null, worker: number): string | undefined => (id === null ? undefined : `tpu.${id}-${worker}`);

/** @throws PersonError where they can't be reached, or would take another host's place */
export function hostsOf({ node, id, keys }: ReadNode, place: TpuPlace, options: TpuHostOptions, present: Present, home?: string): { hosts: Host[]; cluster: Cluster | null } {
  const { name, workers, phase, state } = node;
  if (phase !== "ready") throw new PersonError(`${name} is not ready (${state || "its state is not said"}), so there is nothing to log in to yet.`);
  if (workers.length === 0) throw new PersonError(`Google Cloud names no address of ${name}; look again in a minute.`);
  const base = options.as ?? before(place, name, present) ?? name, names = workers.length === 1 ? [base] : workers.map((_, worker) => `${base}-${worker}`);
  if (names.some((one) => !HostName.safeParse(one).success)) throw new PersonError(`"${names.at(-1)}" is too long for a host's name; choose a shorter one.`);
  const login = loginOf(keys, home);
  const hosts = workers.map(({ internal, external }, worker): Host => {
    const old = present.hosts.find((host) => host.name === names[worker]);
    if (old && !(isOf(old, place, name) && old.tpu!.worker === worker)) throw new PersonError(`A host is called "${old.name}" already; choose another name for the hosts of ${name}.`);
    const hostKeyAlias = aliasOf(id, worker), { user = login.user, identityFile = login.identityFile, jump, port } = { ...old?.target, ...defined(options) };
    const inside = options.internal ?? (external === null && (old !== undefined || jump !== undefined)), address = inside ? internal : external;
    if (address === null) throw new PersonError(inside || internal === null
      ? `Google Cloud names no ${inside ? "internal " : ""}address of worker ${worker} of ${name}.`
      : `${name} has no address of the internet. From a machine of its network, or through a jump host there, its internal addresses lead to it: choose those.`);
    return Host.parse({
      name: names[worker], target: defined({ address, user, port, identityFile, jump, hostKeyAlias }),
      python: options.python ?? old?.python ?? TPU_PYTHON, ...defined({ runs: options.runs ?? old?.runs, engine: old?.engine }), tpu: { ...place, node: name, worker },
    });
  });
  if (workers.length === 1) {
    if (present.clusters.some((cluster) => cluster.name === base)) throw new PersonError(`A cluster is called "${base}" already; choose another name for ${name}.`);
    return { hosts, cluster: null };
  }
  const taken = present.hosts.find((host) => host.name === base), other = present.clusters.find((cluster) => cluster.name === base);
  if (taken || (other && !other.workers.every((worker) => present.hosts.some((host) => host.name === worker && isOf(host, place, name)))))
    throw new PersonError(`A ${taken ? "host" : "cluster"} is called "${base}" already; choose another name for the workers of ${name}.`);
  return { hosts, cluster: Cluster.parse({ name: base, workers: names }) };
}

/** What was made of the TPU VM before: the name of its host, or of a cluster of its workers. */
function before(place: TpuPlace, node: string, { hosts, clusters }: Present): string | null {
  const own = hosts.filter((host) => isOf(host, place, node));
  const cluster = clusters.find(({ workers }) => workers.length > 0 && workers.every((worker) => own.some(({ name }) => name === worker)));
  return cluster?.name ?? (own.length === 1 ? own[0]!.name : null);
}

/** What is here of a TPU VM, and whether it still leads there. */
export function addedOf({ node, id }: ReadNode, place: TpuPlace, present: Present): TpuNode["added"] {
  const name = before(place, node.name, present);
  if (name === null) return null;
  const current = node.workers.every(({ internal, external }, worker) => present.hosts.some((host) => isOf(host, place, node.name) && host.tpu!.worker === worker
    && [internal, external].includes(host.target.address) && host.target.hostKeyAlias === aliasOf(id, worker)));
  return { name, current };
}

const defined = <T extends object>(values: T): T => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
