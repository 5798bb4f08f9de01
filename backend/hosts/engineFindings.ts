// What a check's facts mean for handing runs to the engine that a host names.
import type { RayEngine, SlurmEngine } from "../../contract/engines.ts";
import type { Finding, Host, HostCheck } from "../../contract/hosts.ts";
import { needed } from "./finding.ts";

export function engineFindings({ name, engine }: Pick<Host, "name" | "engine">, { slurm, ray }: Pick<HostCheck, "slurm" | "ray">): Finding[] {
  if (engine?.kind === "slurm") return slurmFindings(name, engine, slurm);
  // Without a Python nothing was asked of Ray; that it is missing is said by itself.
  return engine?.kind === "ray" && ray ? rayFindings(name, engine, ray) : [];
}

function slurmFindings(name: string, { partition }: SlurmEngine, slurm: HostCheck["slurm"]): Finding[] {
  if (!slurm) return [needed(`sbatch is not on the PATH of a login to ${name}, so runs can't be handed to Slurm.`, "Name a login node of the cluster, or put Slurm's programs on the PATH of logins that run one command.", "command -v sbatch")];
  if (slurm.partitions.length === 0) return [needed(`Slurm on ${name} names no partition; its controller may be down.`, "Ask Slurm there what is wrong.", "sinfo")];
  const choose = `Name one of ${slurm.partitions.slice(0, 10).map((one) => one.name).join(", ")} in this host's settings.`;
  const missing = (partition?.split(",") ?? []).filter((wanted) => !slurm.partitions.some((one) => one.name === wanted));
  if (missing.length > 0) return [needed(`Slurm on ${name} has no partition ${missing.join(", ")}.`, choose, null)];
  if (partition === undefined && !slurm.partitions.some(({ isDefault }) => isDefault)) return [needed(`Slurm on ${name} has no default partition.`, choose, null)];
  return [];
}

function rayFindings(name: string, { cpus, gpus, resources }: RayEngine, ray: NonNullable<HostCheck["ray"]>): Finding[] {
  if (ray.problem !== null)
    return [/ wants a token/.test(ray.problem)
      ? needed(ray.problem, "Put the token that Ray was started with into ~/.ray/auth_token there.", "ray get-auth-token")
      : needed(ray.problem, "Start Ray's head node there, or correct the address of its dashboard in this host's settings.", "ray status")];
  if (ray.nodes === 0) return [needed(`Ray on ${name} has no node that is alive.`, "Ask Ray there what is wrong.", "ray status")];
  // A run is one process, so one node has to have all of it.
  const asked = Object.entries({ ...(cpus === undefined ? {} : { CPU: cpus }), ...(gpus === undefined ? {} : { GPU: gpus }), ...resources });
  const most = (resource: string) => ray.resources.find((one) => one.name === resource)?.most ?? 0;
  return asked.filter(([resource, amount]) => amount > most(resource)).map(([resource, amount]) =>
    needed(`No node of Ray has ${amount} ${resource} for a run; the most is ${most(resource)}.`, "Ask for less in this host's settings, or add such a node to Ray.", null));
}
