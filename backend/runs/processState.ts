// Whether the process of a run lives. A pid alone says nothing: it is given to another process sooner or later, so the
// time of its start and the boot it belongs to are compared as well.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ProcessFile } from "../../contract/runDirectory.ts";

/** elsewhere: on another machine, about which nothing can be known here. */
export type ProcessState = "alive" | "gone" | "rebooted" | "elsewhere";

export const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** Clock ticks between boot and the start of a process, or null when it does not run. A zombie does not run. */
export function startTicks(pid: number): string | null {
  try {
    // The command's name, in brackets, may hold anything, brackets and spaces included.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : fields[19] ?? null;
  } catch {
    return null;
  }
}

export function processState(file: Pick<ProcessFile, "pid" | "startTicks" | "bootId" | "host">): ProcessState {
  if (file.bootId !== bootId()) return file.host === hostname() ? "rebooted" : "elsewhere";
  return startTicks(file.pid) === file.startTicks ? "alive" : "gone";
}

/** Sends a signal to the run's process and to nobody else. Returns whether it was there. */
export function signalProcess(file: ProcessFile, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (processState(file) !== "alive") return false;
  try {
    process.kill(file.pid, signal);
    return true;
  } catch {
    return false;
  }
}
