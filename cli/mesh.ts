// A mesh as it is written on a command line: data=2,expert=4,model=1.
import { AXES, type MeshSpec } from "../contract/meshSpec.ts";
import { UsageError } from "./commandLine.ts";
import { suggestion } from "./suggestion.ts";

export function meshOf(text: string): MeshSpec {
  const mesh: MeshSpec = { data: 1, expert: 1, model: 1 };
  for (const part of text.split(",")) {
    const [axis, size] = part.split("=").map((word) => word.trim());
    if (!(AXES as readonly string[]).includes(axis!)) throw new UsageError(`A mesh has no axis "${axis}".${suggestion(axis!, AXES) || " Write it as data=2,expert=4,model=1."}`);
    if (!/^[1-9]\d{0,5}$/.test(size ?? "")) throw new UsageError(`"${part}" must be a whole number of at least 1: --mesh data=2,expert=4,model=1.`);
    mesh[axis as keyof MeshSpec] = Number(size);
  }
  return mesh;
}
