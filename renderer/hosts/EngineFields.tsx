// What a host hands its runs to, and what each run asks for there: the part of the host's form that follows the choice.
import { useId } from "react";
import { RAY_ADDRESS, resourcesOf, type Engine } from "../../contract/engines.ts";
import { FormRow } from "./FormRow.tsx";

export interface EngineDraft { kind: "" | Engine["kind"]; partition: string; options: string; address: string; cpus: string; gpus: string; resources: string }

export function engineDraft(engine: Engine | undefined): EngineDraft {
  const slurm = engine?.kind === "slurm" ? engine : undefined, ray = engine?.kind === "ray" ? engine : undefined;
  return {
    kind: engine?.kind ?? "", partition: slurm?.partition ?? "", options: slurm?.options.join(" ") ?? "", address: ray === undefined || ray.address === RAY_ADDRESS ? "" : ray.address,
    cpus: String(ray?.cpus ?? ""), gpus: String(ray?.gpus ?? ""), resources: Object.entries(ray?.resources ?? {}).map(([name, amount]) => `${name}=${amount}`).join(" "),
  };
}

/** What the schema of an engine is to check. */
export function engineOf(draft: EngineDraft): object {
  const { kind, options, cpus, gpus, resources } = draft, [partition, address] = [draft.partition.trim(), draft.address.trim()];
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  if (kind === "slurm") return { kind, ...(partition === "" ? {} : { partition }), options: words(options) };
  return { kind, ...(address === "" ? {} : { address }), ...(cpus === "" ? {} : { cpus: Number(cpus) }), ...(gpus === "" ? {} : { gpus: Number(gpus) }), resources: resourcesOf(words(resources)) };
}

/** @param issues what is wrong, by its path in the host @param tried whether also what is empty is wrong by now */
export function EngineFields({ draft, change, issues, tried }: { draft: EngineDraft; change: (draft: EngineDraft) => void; issues: ReadonlyMap<string, string>; tried: boolean }) {
  const id = useId();
  const field = (key: keyof EngineDraft) => ({
    value: draft[key], change: (value: string) => change({ ...draft, [key]: value }),
    // A list's words have paths of their own.
    error: tried || draft[key] !== "" ? [...issues].find(([path]) => path === `engine.${key}` || path.startsWith(`engine.${key}.`))?.[1] : undefined,
  });
  return (
    <>
      <div className="field">
        <label htmlFor={id}>Runs are started</label>
        <select id={id} className="input" value={draft.kind} onChange={(event) => change({ ...draft, kind: event.target.value as EngineDraft["kind"] })}>
          <option value="">on the host itself</option>
          <option value="slurm">by Slurm, to which the host hands them</option>
          <option value="ray">by Ray, to which the host hands them</option>
        </select>
      </div>
      {draft.kind === "slurm" && (
        <>
          <FormRow title="Partition" help="Left empty: Slurm’s default one." {...field("partition")} />
          <FormRow title="Options of sbatch" help="Separated by spaces: what a run asks for." placeholder="--gres=gpu:8 --time=24:00:00" {...field("options")} />
        </>
      )}
      {draft.kind === "ray" && (
        <>
          <FormRow title="Address of Ray’s dashboard" help="As the host reaches it: its job server answers there." placeholder={RAY_ADDRESS} {...field("address")} />
          <FormRow title="CPUs" help="What a run asks for. One that asks for nothing at all runs on the head node." {...field("cpus")} />
          <FormRow title="GPUs" {...field("gpus")} />
          <FormRow title="Other resources" help="Separated by spaces, each NAME=NUMBER." placeholder="TPU=4" {...field("resources")} />
        </>
      )}
    </>
  );
}
