// Options of "hosts add" that say what a host hands its runs to.
import { ENGINES, RAY_ADDRESS, resourcesOf } from "../contract/engines.ts";
import { UsageError, type Option, type ParsedCommand } from "./commandLine.ts";

/** Those of each engine. */
const OF = { slurm: ["partition", "slurm-option"], ray: ["ray-address", "ray-cpus", "ray-gpus", "ray-resource"] } as const;

export const engineOptions: Readonly<Record<string, Option>> = {
  engine: { value: "slurm|ray", about: "Hand runs to Slurm or Ray there rather than start them on the host itself." },
  partition: { value: "P", about: "Partition of Slurm (default: its own default)." },
  "slurm-option": { value: "--NAME=VALUE", repeated: true, about: "Option of sbatch, for example --slurm-option=--gres=gpu:8; may be given more than once." },
  "ray-address": { value: "URL", about: `Address of Ray's dashboard as the host reaches it (default: ${RAY_ADDRESS}).` },
  "ray-cpus": { value: "N", about: "CPUs that a run asks of Ray." },
  "ray-gpus": { value: "N", about: "GPUs that a run asks of Ray." },
  "ray-resource": { value: "NAME=N", repeated: true, about: "Another resource that a run asks of Ray, for example TPU=4; may be given more than once." },
};

/** What the schema of an engine is to check; undefined where runs are started on the host itself. @throws UsageError */
export function engineAsked({ value, values }: ParsedCommand): object | undefined {
  const engine = value("engine");
  if (engine !== undefined && !Object.hasOwn(ENGINES, engine)) throw new UsageError(`There is no engine "${engine}": "slurm" and "ray" are, and without --engine runs are started on the host itself.`);
  for (const [kind, names] of Object.entries(OF))
    if (kind !== engine && names.some((name) => values(name).length > 0)) throw new UsageError(`${names.map((name) => `--${name}`).join(", ").replace(/, ([^,]*)$/, " and $1")} belong to a host with --engine ${kind}.`);
  const given = (key: string, name: string, read: (text: string) => unknown) => (value(name) === undefined ? {} : { [key]: read(value(name)!) });
  if (engine === "slurm") return { kind: engine, ...given("partition", "partition", String), options: values("slurm-option") };
  if (engine === "ray") return { kind: engine, ...given("address", "ray-address", String), ...given("cpus", "ray-cpus", Number), ...given("gpus", "ray-gpus", Number), resources: resourcesOf(values("ray-resource")) };
  return undefined;
}
