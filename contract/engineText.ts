// The engines that hosts hand their runs to, in words, alike in the terminal and in the window.
import type { Engine } from "./engines.ts";
import type { Host, HostCheck } from "./hosts.ts";

/** "main (default, 12 nodes, at most 1-00:00:00)". */
const partitionText = ({ name, isDefault, up, nodes, timeLimit }: NonNullable<HostCheck["slurm"]>["partitions"][number]): string =>
  `${name} (${[...(isDefault ? ["default"] : []), ...(up ? [] : ["down"]), `${nodes} ${nodes === 1 ? "node" : "nodes"}`, ...(timeLimit === "infinite" || timeLimit === "" ? [] : [`at most ${timeLimit}`])].join(", ")})`;

/** What a check found of the engines on a host: title, version and what they have. Programs of a Slurm that answers nothing say something only where runs are handed to it. */
export function enginesFound({ slurm, ray }: Pick<HostCheck, "slurm" | "ray">, engine: Host["engine"]): { title: string; value: string; note: string }[] {
  return [
    ...(slurm && (slurm.partitions.length > 0 || engine?.kind === "slurm") ? [{ title: "Slurm", value: slurm.version || "there", note: slurm.partitions.map(partitionText).join(", ") || "no partition named" }] : []),
    ...(ray && ray.problem === null ? [{ title: "Ray", value: ray.version || "there", note: [`${ray.nodes} ${ray.nodes === 1 ? "node" : "nodes"}`, ...ray.resources.map(({ name, total }) => `${total} ${name}`)].join(", ") }] : []),
  ];
}

/** What a run asks its engine for, a word each, as it is asked. */
export function asksFor(engine: Engine): string[] {
  if (engine.kind === "slurm") return [...(engine.partition === undefined ? [] : [`--partition=${engine.partition}`]), ...engine.options];
  const { address, cpus, gpus, resources } = engine;
  return [address, ...Object.entries({ ...(cpus === undefined ? {} : { CPU: cpus }), ...(gpus === undefined ? {} : { GPU: gpus }), ...resources }).map(([name, amount]) => `${name}=${amount}`)];
}
