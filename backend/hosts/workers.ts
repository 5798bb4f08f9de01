// The processes of one run on its hosts: whether they were started, whether they go on, and their end.
import { setTimeout as wait } from "node:timers/promises";
import type { RemoteWorker } from "../../contract/remoteRun.ts";
import { cleanOutput } from "../runs/output.ts";
import { HostError, type AgentSession } from "./agentSession.ts";

/** The conversation with a worker's host, and the run's folder as that host knows it. @throws HostError */
export type ReachWorker = (worker: RemoteWorker) => Promise<{ session: AgentSession; directory: string }>;

const GRACE_SECONDS = 60;
/** Workers that go on after their run has ended are given this long. */
export const STRAGGLE_SECONDS = 30;
/** More than this are counted. */
const MAX_NAMED = 5;

/** TERM, time to save, KILL on each worker. Returns a sentence that names what is left; null where nothing is. @throws HostError */
export async function endWorkers(reach: ReachWorker, workers: readonly RemoteWorker[]): Promise<string | null> {
  const left = (await Promise.all(workers.map(async (worker) => {
    const { session, directory } = await reach(worker);
    const { left } = await session.request("end", { directory, process: worker.process, grace: GRACE_SECONDS }, { seconds: GRACE_SECONDS + 60 });
    return left.map(({ name, command }) => `${cleanOutput(name)} on ${worker.host} (${cleanOutput(command).slice(0, 60)})`);
  }))).flat();
  if (left.length === 0) return null;
  return `Still there after being killed: ${left.slice(0, MAX_NAMED).join(", ")}${left.length > MAX_NAMED ? ` and ${left.length - MAX_NAMED} more` : ""}; its devices stay taken until that ends.`;
}

/** Gives workers time to end by themselves. Returns those that still go. @throws HostError */
export async function stillGoing(reach: ReachWorker, workers: readonly RemoteWorker[], seconds: number): Promise<RemoteWorker[]> {
  const until = performance.now() + seconds * 1000;
  for (let left = [...workers]; ; await wait(1000)) {
    const alive = await Promise.all(left.map(async (worker) => {
      const { session, directory } = await reach(worker);
      return (await session.request("status", { directory, process: worker.process })).going > 0;
    }));
    left = left.filter((_, i) => alive[i]);
    if (left.length === 0 || performance.now() >= until) return left;
  }
}

/** Those workers that a start with this key had reached, and whether they still go. @throws HostError */
export async function reachedBy(reach: ReachWorker, workers: readonly RemoteWorker[], key: string): Promise<{ worker: RemoteWorker; directory: string; alive: boolean }[]> {
  const found = [];
  for (const worker of workers) {
    const { session, directory } = await reach(worker);
    try {
      const { keys, state } = await session.request("status", { directory, process: worker.process });
      // none: it was to be handed to an engine, and never was.
      if (keys.includes(key) && state !== "none") found.push({ worker, directory, alive: state === "alive" });
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== "absent") throw error;
    }
  }
  return found;
}
