// What a start of the trainer asks for otherwise than the spec says, which never changes: options of its command line.
import { MeshSpec } from "./meshSpec.ts";

/** null where the spec holds, or an earlier start. */
export interface Asked {
  /** The step to train to. */
  steps: number | null;
  mesh: MeshSpec | null;
}
export const NOTHING_ASKED: Asked = { steps: null, mesh: null };

/** --steps N and --mesh DATA,EXPERT,MODEL. */
export const argumentsOf = ({ steps, mesh }: Asked): string[] =>
  [...(steps === null ? [] : ["--steps", String(steps)]), ...(mesh === null ? [] : ["--mesh", `${mesh.data},${mesh.expert},${mesh.model}`])];

/** Reads them from a command line; what is not there, or is no number, is not asked. */
export function askedIn(argv: readonly string[]): Asked {
  const after = (option: string): string => (argv.includes(option) ? argv[argv.indexOf(option) + 1] ?? "" : "");
  const steps = Number(after("--steps")), axes = after("--mesh").split(",").map(Number);
  const mesh = MeshSpec.safeParse({ data: axes[0], expert: axes[1], model: axes[2] });
  return { steps: Number.isSafeInteger(steps) && steps > 0 ? steps : null, mesh: axes.length === 3 && mesh.success ? mesh.data : null };
}
