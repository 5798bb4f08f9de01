// A partition of Slurm in words, alike in the terminal and in the window.
import type { HostCheck } from "./hosts.ts";

/** "main (default, 12 nodes, at most 1-00:00:00)". */
export const partitionText = ({ name, isDefault, up, nodes, timeLimit }: NonNullable<HostCheck["slurm"]>["partitions"][number]): string =>
  `${name} (${[...(isDefault ? ["default"] : []), ...(up ? [] : ["down"]), `${nodes} ${nodes === 1 ? "node" : "nodes"}`, ...(timeLimit === "infinite" || timeLimit === "" ? [] : [`at most ${timeLimit}`])].join(", ")})`;
