// The commands of gcloud, argument by argument. All names were checked by their schemas; a name never stands where an option could, unless it begins with a letter.
import type { TpuAsk, TpuKind } from "../../contract/tpus.ts";
import type { TpuPlace } from "../../contract/tpuPlace.ts";

/** It answers in JSON and asks nothing. */
const QUIET = ["--format=json", "--quiet"];
const at = ({ project, zone }: TpuPlace): string[] => [`--project=${project}`, `--zone=${zone}`, ...QUIET];
const queued = (...words: string[]) => ["compute", "tpus", "queued-resources", ...words];
const vm = (...words: string[]) => ["compute", "tpus", "tpu-vm", ...words];

export const configuration = (): string[] => ["config", "list", ...QUIET];
export const listQueued = (place: TpuPlace): string[] => [...queued("list"), ...at(place)];
export const listVms = (place: TpuPlace): string[] => [...vm("list"), ...at(place)];
export const describeVm = (place: TpuPlace, name: string): string[] => [...vm("describe", name), ...at(place)];

/** Asks for a queued resource whose one TPU VM has its name. @param sshKey "user:type key", put into the metadata of the machines */
export function createQueued(place: TpuPlace, { name, accelerator, runtime, tier, network, subnetwork, internal, withinHours }: TpuAsk, sshKey: string | null): string[] {
  return [
    ...queued("create", name), `--node-id=${name}`, `--accelerator-type=${accelerator}`, `--runtime-version=${runtime}`,
    ...(tier === "on-demand" ? [] : [`--${tier}`]),
    ...(network === undefined ? [] : [`--network=${network}`]), ...(subnetwork === undefined ? [] : [`--subnetwork=${subnetwork}`]),
    ...(internal ? ["--internal-ips"] : []), ...(withinHours === undefined ? [] : [`--valid-until-duration=${withinHours}h`]),
    ...(sshKey === null ? [] : [`--metadata=ssh-keys=${sshKey}`]),
    "--async", ...at(place),
  ];
}

/** A queued resource goes with its TPU VMs (--force). Neither waits until all is gone. */
export const remove = (place: TpuPlace, kind: TpuKind, name: string): string[] =>
  [...(kind === "queued" ? [...queued("delete", name), "--force"] : vm("delete", name)), "--async", ...at(place)];
