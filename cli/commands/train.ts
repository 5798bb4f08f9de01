// train SPEC.json, and the wait that resume and stop share.
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import type { RunSummary } from "../../contract/handlers.ts";
import { DataPlace } from "../../contract/dataPlace.ts";
import type { Where } from "../../contract/remoteRun.ts";
import { isMirror } from "../../backend/hosts/remoteFile.ts";
import { cleanOutput } from "../../backend/runs/output.ts";
import { homeAt, type Home } from "../../backend/home.ts";
import { withBackend, type Backend } from "../backendAccess.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { ProgressBar } from "../progressBar.ts";
import { findTrained } from "../modelReference.ts";
import { applySetting, isObject, readSpecFile, type JsonObject } from "../specFile.ts";
import { format } from "../table.ts";
import { TerminalLine } from "../terminalLine.ts";
import { waitForEnd } from "../waitForRun.ts";
import { print } from "../print.ts";
import { answeringPrompts } from "../answerPrompts.ts";

const START_MILLISECONDS = 20_000;

/** Waits until a launched trainer has taken over, so that one that can't start is reported at once. On a host it takes as long as sending takes. */
export async function untilStarted(backend: Backend, id: string): Promise<RunSummary> {
  const deadline = performance.now() + START_MILLISECONDS, line = new TerminalLine();
  let elsewhere = false;
  const interrupted = () => {
    line.clear();
    process.stderr.write(`${elsewhere ? "The start is gone on with while Switchyard is open. Call it off" : "The run goes on. Stop it"} with: switchyard runs stop ${id}\n`);
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    for (;;) {
      const { summary } = await backend.send("runs.get", { runId: id });
      elsewhere = summary.host !== null;
      if (summary.status !== "starting" || (summary.host === null && performance.now() > deadline)) return summary;
      if (summary.statusMessage !== null) line.draw(cleanOutput(summary.statusMessage));
      await wait(100);
    }
  } finally {
    process.off("SIGINT", interrupted);
    line.clear();
  }
}

/** Waits for a run's end, prints how it ended, and returns its exit code. */
export async function waitAndReport(home: Home, id: string, steps: number, previousAttempt: number, json: boolean): Promise<number> {
  const bar = new ProgressBar(steps);
  const interrupted = () => {
    bar.clear();
    process.stderr.write(`The run goes on. Stop it with: switchyard runs stop ${id}\n`);
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  const ended = () => waitForEnd(home, id, previousAttempt, (glance) => bar.draw(glance));
  // Where no backend copies a run from its host, this command does.
  const exit = await (isMirror(join(home.runs, id)) ? withBackend(home, async (backend) => {
    await backend.send("runs.reconnect", { runId: id }).catch(() => {});
    const exit = await ended();
    await untilNothingIsLeft(backend, id);
    return exit;
  }) : ended());
  process.off("SIGINT", interrupted);
  bar.clear();
  const { summary } = await withBackend(home, (backend) => backend.send("runs.get", { runId: id }));
  const loss = summary.metrics["loss"];
  print(json, { runId: id, status: summary.status, exit, summary },
    `${exit.reason}: ${cleanOutput(exit.message)}\n${id}  step ${summary.step} of ${summary.steps}${loss ? `, loss ${format(loss.last)} (least ${format(loss.min)} at step ${loss.minStep}, greatest ${format(loss.max)} at step ${loss.maxStep})` : ""}`);
  return exit.reason === "completed" || exit.reason === "stopped" ? 0 : exit.code || 1;
}

const LEFT_MILLISECONDS = 150_000;

/** Until a run that has ended on its hosts is seen to have ended on all of them. */
async function untilNothingIsLeft(backend: Backend, id: string): Promise<void> {
  const deadline = performance.now() + LEFT_MILLISECONDS, line = new TerminalLine();
  while (performance.now() < deadline && (await backend.send("runs.remote", { runId: id }))?.watched === true) {
    line.draw("waiting for the workers to end");
    await wait(200);
  }
  line.clear();
}

export const startOptions = {
  set: { value: "PATH=VALUE", about: "Change a field, for example training.steps=500. The value is JSON, or else text.", repeated: true },
  name: { value: "NAME", about: "Name of the run." },
  wait: { about: "Wait for its end, with a progress bar on a terminal; the exit code is the run's." },
} as const;

/** The spec as --set and --name change it. */
export function changed(spec: JsonObject, { values, value }: ParsedCommand): JsonObject {
  for (const setting of values("set")) applySetting(spec, setting);
  const name = value("name");
  return name === undefined ? spec : { ...spec, name };
}

/** Starts the spec that `make` gives, and waits for its end where that is asked. */
export async function startRun({ has, json, home: directory }: ParsedCommand, make: (backend: Backend) => Promise<JsonObject>, where: Where | null = null): Promise<number> {
  const home = homeAt(directory);
  const started = await withBackend(home, async (backend) => {
    const spec = await make(backend);
    const { runId } = await answeringPrompts(backend, () => backend.send("runs.start", { spec, where }));
    return untilStarted(backend, runId);
  });
  if (has("wait")) return waitAndReport(home, started.id, started.steps, 0, json);
  const failed = started.status === "failed" || started.status === "unreachable";
  print(json, { runId: started.id, status: started.status, statusMessage: started.statusMessage }, failed ? `${started.id}  ${started.status}: ${cleanOutput(started.statusMessage ?? "")}` : started.id);
  return failed ? 1 : 0;
}

/** A run's or model's weights as a spec names them. */
async function weights(backend: Backend, reference: string): Promise<JsonObject> {
  const { kind, id } = await findTrained(backend, reference);
  return kind === "run" ? { kind, id, step: null } : { kind, id };
}

export const train: Command = {
  name: "train", positional: ["SPEC.json"], about: "Start a run.",
  details: "Everything that the spec leaves out takes its default. The run is detached: it goes on when this command ends.",
  options: {
    start: { value: "RUN|MODEL", about: "Begin with the newest weights of a run or those of an imported model." },
    teacher: { value: "RUN|MODEL", about: "Learn from a run or an imported model as well." },
    host: { value: "NAME", about: "Train on this host or cluster (\"hosts list\" shows all) instead of this machine." },
    data: { value: "PLACE", about: "With --host: where the data lie prepared already, a folder there, gs://BUCKET/FOLDER or s3://BUCKET/FOLDER." },
    ...startOptions,
  },
  async run(parsed) {
    const spec = changed(readSpecFile(parsed.positional[0]!), parsed), start = parsed.value("start"), teacher = parsed.value("teacher");
    const host = parsed.value("host"), data = parsed.value("data");
    if (data !== undefined && host === undefined) throw new UsageError("--data says where the data of a run on a host lie: give --host as well.");
    const place = DataPlace.optional().safeParse(data);
    if (!place.success) throw new UsageError(place.error.issues[0]!.message);
    return startRun(parsed, async (backend) => {
      if (start !== undefined) spec["start"] = await weights(backend, start);
      if (teacher !== undefined) spec["distillation"] = { ...isObject(spec["distillation"]) ? spec["distillation"] : {}, teacher: await weights(backend, teacher) };
      return spec;
    }, host === undefined ? null : { host, ...(data === undefined ? {} : { data }) });
  },
};
