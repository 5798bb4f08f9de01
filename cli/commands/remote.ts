// attach, runs download, runs continue: runs on other machines.
import { setTimeout as wait } from "node:timers/promises";
import type { FoundRemoteLog, FoundRun } from "../../contract/remoteRun.ts";
import { homeAt } from "../../backend/home.ts";
import { runningBackend } from "../../backend/readyFile.ts";
import { answeringPrompts } from "../answerPrompts.ts";
import { withBackend, type Backend } from "../backendAccess.ts";
import type { Command, ParsedCommand } from "../commandLine.ts";
import { meshOf } from "../mesh.ts";
import { print } from "../print.ts";
import { findRun } from "../runReference.ts";
import type { LogFormat } from "../../contract/runSpec.ts";
import { duration, format as shown, size, table } from "../table.ts";
import { TerminalLine } from "../terminalLine.ts";
import { columnMapping, formatOption } from "./import.ts";
import { wholeNumber } from "./runs.ts";
import { untilStarted, waitAndReport } from "./train.ts";

const COPY_MILLISECONDS = 60_000;

const attach: Command = {
  name: "attach", positional: ["HOST", "[PATH]"], about: "Show a run of another machine, copied as it goes.",
  details: "PATH is a run directory there, or a folder with some (default: the host's runs folder); or another trainer's log: a folder of TensorBoard event files, JSONL or CSV. With several they are listed; name one, or take --all.\nAttaching to the same run again goes on with the copy that there is. The run itself is left alone.",
  options: {
    all: { about: "Attach to every run that is found, or every log." }, list: { about: "Only list what is found." },
    format: { value: "FORMAT", about: "Of a log: tensorboard, maxtext, csv or jsonl (default: found out)." },
    map: { value: "METRIC=COLUMN,...", about: "Of a log: which tag or column a metric is in, as import has it.", repeated: true },
  },
  run: ({ positional: [host, path], json, has, value, values, home: directory }) => {
    const home = homeAt(directory), format = formatOption(value("format")), { metrics, columns } = columnMapping(values("map"));
    return withBackend(home, async (backend) => {
      const { runs, more } = await answeringPrompts(backend, () => backend.send("hosts.runs", { name: host!, path: path ?? null }));
      const logs = runs.length === 0 && path !== undefined ? (await backend.send("hosts.logs", { name: host!, path })).logs : [];
      if (logs.length > 0) return attachLogs(backend, host!, logs, { all: has("all"), list: has("list"), json, format, metrics: metrics, columns, live: runningBackend(home) !== null });
      if (runs.length === 0) throw new Error(`No run and no log was found on ${host}${path === undefined ? " in its runs folder; name another folder there: switchyard attach HOST PATH" : ` at ${path}`}.`);
      const chosen = has("all") ? runs : path !== undefined && runs.length === 1 ? runs : [];
      if (chosen.length === 0 || has("list")) {
        print(json, { runs, more }, `${listed(runs)}${more ? "\nThere are more; name a folder further down." : ""}\n\nAttach to one with: switchyard attach ${host} FOLDER`);
        return 0;
      }
      const attached: string[] = [];
      for (const run of chosen) attached.push((await backend.send("runs.attach", { host: host!, directory: run.directory })).runId);
      await untilCopied(backend, attached);
      const live = runningBackend(home) !== null;
      print(json, attached.map((runId, i) => ({ ...chosen[i], runId, attached: true })),
        [...attached.map((runId, i) => `${runId}  ${shown(chosen[i]!.name)}`), ...(live ? [] : ["Copied up to now. While Switchyard is open it is copied as it goes."])].join("\n"));
      return 0;
    });
  },
};

interface AttachLogs { all: boolean; list: boolean; json: boolean; live: boolean; format: LogFormat | null; metrics: Record<string, string>; columns: { step?: string; time?: string } }

async function attachLogs(backend: Backend, host: string, logs: readonly FoundRemoteLog[], { all, list, json, live, format, metrics, columns }: AttachLogs): Promise<number> {
  if (list || (logs.length > 1 && !all)) {
    const now = Date.now() / 1000;
    print(json, { logs }, `${table(["format", "changed", "size", "attached", "log"], logs.map((log) => [log.format ?? "text", `${duration(now - log.changed)} ago`, size(log.bytes), log.runId === null ? "" : log.runId.slice(0, 13), log.path]))}\n\nAttach to one with: switchyard attach ${host} LOG`);
    return 0;
  }
  const attached: string[] = [];
  for (const log of logs) attached.push((await backend.send("runs.attachLog", { host, path: log.path, format, metrics, columns })).runId);
  await untilCopied(backend, attached);
  print(json, attached.map((runId, i) => ({ ...logs[i], runId, attached: true })), [...attached.map((runId, i) => `${runId}  ${shown(logs[i]!.path)}`), ...(live ? [] : ["Read up to now. While Switchyard is open it is read on as it grows."])].join("\n"));
  return 0;
}

const STATE: Record<FoundRun["state"], string> = { ended: "ended", alive: "going", gone: "gone", rebooted: "gone", elsewhere: "on another machine", none: "not started", absent: "absent" };

function listed(runs: readonly FoundRun[]): string {
  const now = Date.now() / 1000;
  return table(["state", "step", "changed", "size", "attached", "name", "folder"], runs.map((run) => [
    run.state === "ended" ? run.reason ?? "ended" : STATE[run.state], run.step, `${duration(now - run.changed)} ago`, size(run.bytes), run.runId === null ? "" : run.runId.slice(0, 13), run.name, run.directory,
  ]));
}

/** Waits until what the host has of these runs is here. */
async function untilCopied(backend: Backend, ids: readonly string[]): Promise<void> {
  const deadline = performance.now() + COPY_MILLISECONDS, line = new TerminalLine();
  for (const runId of ids) for (;;) {
    const remote = await backend.send("runs.remote", { runId });
    if (remote === null || remote.copied || performance.now() > deadline) break;
    line.draw(`copying ${runId}`);
    await wait(100);
  }
  line.clear();
}

const download: Command = {
  name: "runs download", positional: ["ID"], about: "Copy a checkpoint of a run on a host to this machine.",
  options: { step: { value: "N", about: "The checkpoint's step (default: the newest)." } },
  run: (parsed) => withBackend(homeAt(parsed.home), async (backend) => {
    const run = await findRun(backend, parsed.positional[0]!), asked = wholeNumber(parsed, "step", 0);
    if (run.host === null) throw new Error(`"${run.name}" is a run of this machine; its checkpoints are here.`);
    const all = await backend.send("runs.checkpoints", { runId: run.id }), step = asked ?? Math.max(...all.filter(({ remote, present }) => remote || present).map((one) => one.step));
    if (!Number.isFinite(step)) throw new Error(`"${run.name}" has no checkpoint yet.`);
    await showing(backend, () => backend.send("runs.download", { runId: run.id, step }));
    print(parsed.json, { runId: run.id, step }, `The checkpoint of step ${step} is here. Go on from it on this machine with: switchyard runs continue ${run.id} --step ${step}`);
    return 0;
  }),
};

/** Draws how far a checkpoint has come while `work` goes on. */
async function showing<T>(backend: Backend, work: () => Promise<T>): Promise<T> {
  const line = new TerminalLine();
  const timer = setInterval(() => void backend.send("runs.transfers", {}).then(([first]) => {
    if (first && first.total > 0) line.draw(`copying the checkpoint of step ${first.step}  ${Math.floor((100 * first.done) / first.total)} % of ${size(first.total)}`);
  }, () => {}), 500);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    line.clear();
  }
}

const goOn: Command = {
  name: "runs continue", positional: ["ID"], about: "Start a new run that goes on from a checkpoint of another, here or on a host.",
  details: "A checkpoint that lies on a host is copied here first; with --host it is sent there.",
  options: {
    step: { value: "N", about: "The checkpoint's step (default: the newest)." },
    steps: { value: "N", about: "Train to this step instead of the one in the spec." },
    mesh: { value: "MESH", about: "Mesh there, for example data=2,expert=4 (default: the spec's on a host, one process here)." },
    host: { value: "NAME", about: "Go on on this host or cluster (default: this machine)." },
    wait: { about: "Wait for its end; the exit code is the run's." },
  },
  async run(parsed: ParsedCommand) {
    const home = homeAt(parsed.home), step = wholeNumber(parsed, "step", 0), steps = wholeNumber(parsed, "steps", 1), host = parsed.value("host"), mesh = parsed.value("mesh");
    const started = await withBackend(home, async (backend) => {
      const run = await findRun(backend, parsed.positional[0]!);
      const { runId } = await answeringPrompts(backend, () => showing(backend, () => backend.send("runs.continue", {
        runId: run.id, step: step ?? null, where: host === undefined ? null : { host }, ...(steps === undefined ? {} : { steps }), ...(mesh === undefined ? {} : { mesh: meshOf(mesh) }),
      })));
      return untilStarted(backend, runId);
    });
    if (parsed.has("wait")) return waitAndReport(home, started.id, started.steps, 0, parsed.json);
    const failed = started.status === "failed" || started.status === "unreachable";
    print(parsed.json, { runId: started.id, status: started.status, statusMessage: started.statusMessage }, failed ? `${started.id}  ${started.status}: ${shown(started.statusMessage)}` : started.id);
    return failed ? 1 : 0;
  },
};

export const remoteRuns: readonly Command[] = [attach, download, goOn];
