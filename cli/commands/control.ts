// runs stop, resume, delete, restore: changing how a run goes.
import { homeAt, type Home } from "../../backend/home.ts";
import { isMirror } from "../../backend/hosts/remoteFile.ts";
import { runningBackend } from "../../backend/readyFile.ts";
import { processState, signalProcess } from "../../backend/runs/processState.ts";
import { controlRequested, hasEnded, readExit, readProcess, requestControl } from "../../backend/runs/runFiles.ts";
import type { RunSummary } from "../../contract/handlers.ts";
import { BackendSilent, withBackend, type Backend } from "../backendAccess.ts";
import type { Command } from "../commandLine.ts";
import { meshOf } from "../mesh.ts";
import { print } from "../print.ts";
import { findRun, findRunDirectory } from "../runReference.ts";
import { wholeNumber } from "./runs.ts";
import { untilStarted, waitAndReport } from "./train.ts";

const WAIT = { wait: { about: "Wait for its end; the exit code is the run's." } };

interface Stopping { id: string; name: string; steps: number; attempt: number }

/** Through the running backend, which also sees to it that a trainer that does not listen is told by signals. */
const stopThroughBackend = (home: Home, reference: string): Promise<Stopping> => withBackend(home, async (backend) => {
  const found = await findRun(backend, reference);
  await backend.send("runs.stop", { runId: found.id });
  return found;
});

/** By the run's directory alone: neither a backend nor the database is needed. Asked for a second time, the trainer is sent SIGTERM. */
function stopInDirectory(home: Home, reference: string): Stopping {
  const { id, name, directory, steps } = findRunDirectory(home, reference);
  const trainer = readProcess(directory), state = trainer && processState(trainer);
  if (hasEnded(readExit(directory), trainer)) throw new Error(`"${name}" is not going: it has already ended.`);
  if (state === "gone" || state === "rebooted") throw new Error(`"${name}" is not going: its trainer's process is gone; "switchyard runs show ${id}" says how it ended.`);
  if (trainer && controlRequested(directory, "stop")) signalProcess(trainer, "SIGTERM");
  else requestControl(directory, "stop");
  return { id, name, steps, attempt: trainer?.attempt ?? 1 };
}

/** Is it a run on another machine? That one is asked through its link, which a backend holds. */
function isElsewhere(home: Home, reference: string): boolean {
  return isMirror(findRunDirectory(home, reference).directory);
}

const stop: Command = {
  name: "runs stop", positional: ["ID"], about: "Stop a run after its current step, with a checkpoint.",
  details: "Works without a backend as well. Asked a second time, a trainer that is still at its step is told by a signal.", options: WAIT,
  async run({ positional, json, has, home: directory }) {
    const home = homeAt(directory), reference = positional[0]!;
    const run = runningBackend(home) || isElsewhere(home, reference)
      ? await stopThroughBackend(home, reference).catch((error: unknown) => {
          if (error instanceof BackendSilent) return stopInDirectory(home, reference);
          throw error;
        })
      : stopInDirectory(home, reference);
    if (has("wait")) return waitAndReport(home, run.id, run.steps, run.attempt - 1, json);
    print(json, { runId: run.id, status: "stopping" }, `"${run.name}" stops after its current step.`);
    return 0;
  },
};

const resume: Command = {
  name: "runs resume", positional: ["ID"], about: "Continue a run from its newest good checkpoint.",
  options: { steps: { value: "N", about: "Train to this step instead of the one in the spec." }, mesh: { value: "MESH", about: "Go on on another mesh, for example data=2,expert=2; data=1 is one process." }, ...WAIT },
  async run(parsed) {
    const home = homeAt(parsed.home);
    const steps = wholeNumber(parsed, "steps", 1), mesh = parsed.value("mesh") === undefined ? undefined : meshOf(parsed.value("mesh")!);
    const { before, after } = await withBackend(home, async (backend) => {
      const before = await findRun(backend, parsed.positional[0]!);
      await backend.send("runs.resume", { runId: before.id, ...(steps === undefined ? {} : { steps }), ...(mesh ? { mesh } : {}) });
      return { before, after: await untilStarted(backend, before.id) };
    });
    if (parsed.has("wait")) return waitAndReport(home, after.id, after.steps, before.attempt, parsed.json);
    const failed = after.status === "failed";
    print(parsed.json, { runId: after.id, status: after.status, statusMessage: after.statusMessage }, failed ? `failed: ${after.statusMessage}` : `"${after.name}" continues.`);
    return failed ? 1 : 0;
  },
};

/** A command that does one thing to one run. */
const simple = (name: string, about: string, work: (backend: Backend, id: string) => Promise<unknown>, done: (run: RunSummary) => string, options: Command["options"] = {}): Command => ({
  name, positional: ["ID"], about, options,
  run: ({ positional, json, home }) => withBackend(homeAt(home), async (backend) => {
    const run = await findRun(backend, positional[0]!);
    await work(backend, run.id);
    print(json, { runId: run.id, done: true }, `"${run.name}" ${done(run)}`);
    return 0;
  }),
});

const leftAlone = ({ host }: RunSummary): string => (host === null ? "" : ` On ${host} nothing is changed: what goes there goes on.`);

export const controllingRuns: readonly Command[] = [
  stop, resume,
  simple("runs delete", "Delete a run; for 7 days it can be restored. Of a run on a host only what is here is deleted.", (backend, id) => backend.send("runs.delete", { runId: id }),
    (run) => `is deleted. Its files go in 7 days; "runs restore" brings it back.${leftAlone(run)}`),
  simple("runs restore", "Bring a deleted run back.", (backend, id) => backend.send("runs.restore", { runId: id }), () => "is back."),
  simple("runs detach", "Let go of a run on a host; it goes on there, and what was copied stays.", (backend, id) => backend.send("runs.detach", { runId: id }),
    ({ host }) => `is left alone on ${host}. Watch it again with: switchyard attach ${host}`),
  simple("runs checkpoint", "Have a run save a checkpoint after its current step.", (backend, id) => backend.send("runs.checkpoint", { runId: id }), () => "saves a checkpoint after its current step."),
];
