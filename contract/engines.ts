// What a host can hand its runs to rather than start them itself, as a login node or the head of a cluster does.
import { z } from "zod";

/** Options of sbatch that would take from Switchyard what it needs to find and follow the job; getopt takes beginnings of them as well. */
const RESERVED_OPTIONS = ["array", "chdir", "clusters", "error", "help", "hold", "job-name", "open-mode", "output", "parsable", "quiet", "requeue", "no-requeue", "test-only", "uid", "gid", "usage", "version", "wait", "wrap"];
const SlurmOption = z.string().max(400).regex(/^[^\u0000-\u001f\u007f]*$/).regex(/^--[a-z][a-z-]*(=.+)?$/, "An option of sbatch is written --name or --name=value.")
  .refine((option) => !RESERVED_OPTIONS.some((name) => name.startsWith(option.slice(2).split("=")[0]!)), "Where its output goes, its name and how often it runs are set by Switchyard; leave out this option of sbatch.");
/** Jobs of Slurm, each on as many nodes as its options say. */
export const SlurmEngine = z.strictObject({
  kind: z.literal("slurm"),
  /** Left out: the default one. */
  partition: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.,-]{0,199}$/, "A partition's name has letters, digits, dots, dashes and underscores; several are separated by commas.").optional(),
  options: z.array(SlurmOption).max(40).default([]),
});

/** Where Ray's dashboard, and with it its job server, listens unless a host says otherwise: on the head node itself. */
export const RAY_ADDRESS = "http://127.0.0.1:8265";
const amount = (wrong: string) => z.custom<number>((value) => typeof value === "number" && value > 0 && value <= 1e6, wrong);
const NAMED_RESOURCE = "A resource of Ray is written NAME=NUMBER, with a number above 0.";
/** Jobs of Ray, each a process on one of the cluster's nodes. */
export const RayEngine = z.strictObject({
  kind: z.literal("ray"),
  /** As the host reaches it. */
  address: z.string().max(400).regex(/^https?:\/\/([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(\/[A-Za-z0-9._~/-]*)?$/, "The address of Ray's dashboard is written http://HOST:PORT.").default(RAY_ADDRESS),
  /** What the trainer's process asks for. Nothing at all: it runs on the head node. */
  cpus: amount("CPUs are a number above 0, at most 1,000,000.").optional(),
  gpus: amount("GPUs are a number above 0, at most 1,000,000.").optional(),
  /** Custom resources by their names, such as TPU. */
  resources: z.record(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$/, NAMED_RESOURCE), amount(NAMED_RESOURCE))
    .refine((given) => !["CPU", "GPU", "memory", "object_store_memory"].some((name) => name in given), "CPUs and GPUs are asked for by themselves, and memory is not.").default({}),
});

export const Engine = z.discriminatedUnion("kind", [SlurmEngine, RayEngine]);
export type Engine = z.output<typeof Engine>;
export type SlurmEngine = z.output<typeof SlurmEngine>;
export type RayEngine = z.output<typeof RayEngine>;

/** Their names for a person. */
export const ENGINES = { slurm: "Slurm", ray: "Ray" } as const satisfies Record<Engine["kind"], string>;

/** Words NAME=NUMBER as resources of Ray; what is no number is left for the schema to refuse. */
export const resourcesOf = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries(words.map((word) => [word.split("=")[0]!, word.includes("=") ? Number(word.slice(word.indexOf("=") + 1) || NaN) : NaN]));
