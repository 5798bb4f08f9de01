// Runs on another machine: finding a thousand of them, the first chart of one, and the cost of following sixteen that go. The link is that of the product over a
// real sshd on loopback where time is measured, and its two ends alone where their own work is.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { FILES } from "../contract/runDirectory.ts";
import { Application } from "../backend/application.ts";
import { SshServer } from "../backend/fixtures/sshServer.ts";
import { writeRun } from "../backend/fixtures/writeRun.ts";
import { createHome, homeAt } from "../backend/home.ts";
import { readExit, readHeartbeat, readProcess, readSpec, runDirectories } from "../backend/runs/runFiles.ts";
import { median, milliseconds, type BenchRow } from "./benchRow.ts";

const RUNS = 1000;
const ROUNDS = 7;
const EVENTS = 10_000;
/** As a trainer of four sparse layers writes them: routing of each every fifth step. */
const STEPS = Math.round(EVENTS / 1.81);
const LIVE = 16;
const EVENTS_PER_SECOND = 100;
const SECONDS = 10;
/** The two ways of following take turns: other work on the machine comes and goes. */
const TURNS = 3;

export async function remoteRuns(parts = [overSsh, following]): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-")), rows: BenchRow[] = [];
  try {
    for (const part of parts) rows.push(...await part(folder));
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function overSsh(folder: string): Promise<BenchRow[]> {
  const server = await SshServer.start();
  const runs = join(server.home, ".local/share/switchyard/runs"), home = homeAt(join(folder, "home"));
  mkdirSync(runs, { recursive: true });
  createHome(home);
  const first = writeRun(runs, { steps: STEPS, name: "run-0" }), ids = [first];
  // Each has a directory of its own; the events of all are one file, which takes the room of one.
  while (ids.length < RUNS) {
    const id = writeRun(runs, { steps: 0, seed: ids.length, name: `run-${ids.length}` }), events = join(runs, id, FILES.events);
    rmSync(events);
    linkSync(join(runs, first, FILES.events), events);
    ids.push(id);
  }
  const { size } = statSync(join(runs, first, FILES.events)), charts = ids.slice(0, ROUNDS);
  const before = process.env["SWITCHYARD_SSH_CONFIG"];
  process.env["SWITCHYARD_SSH_CONFIG"] = server.configFile;
  const application = new Application({ home });
  try {
    await application.caughtUp;
    await application.send("hosts.runs", { name: "box" });
    const times = { list: [] as number[], here: [] as number[], chart: [] as number[], local: [] as number[] };
    for (const id of charts) {
      times.list.push(await milliseconds(async () => {
        const { runs: found } = await application.send("hosts.runs", { name: "box" });
        if (found.length !== RUNS) throw new Error(`${found.length} runs were found.`);
      }));
      times.here.push(await milliseconds(() => {
        for (const one of runDirectories(runs)) for (const read of [readSpec, readProcess, readExit, readHeartbeat]) read(join(runs, one));
      }));
      const directory = join(runs, id);
      const chart = async (runId: string) => {
        while ((await application.send("metrics.series", { runId, name: "loss", points: 1000 })).step.at(-1) !== STEPS) await wait(10);
      };
      times.chart.push(await milliseconds(async () => chart((await application.send("runs.attach", { host: "box", directory })).runId)));
      const mine = writeRun(home.runs, { steps: STEPS, seed: 7000 });
      times.local.push(await milliseconds(() => {
        application.ingest.adopt(mine);
        return chart(mine);
      }));
    }
    return [
      { benchmark: `list ${RUNS.toLocaleString("en")} runs of ${EVENTS.toLocaleString("en")} events on a host`, measured: median(times.list), against: "reading their files on this machine", reference: median(times.here), unit: "ms", method: `median of ${ROUNDS} rounds in turn, over a real sshd on loopback; ${(size / 2 ** 20).toFixed(1)} MiB of events each` },
      { benchmark: `attach to one of them, to its first whole chart`, measured: median(times.chart), against: "the same run on this machine", reference: median(times.local), unit: "ms", method: `median of ${ROUNDS} rounds in turn, over a real sshd on loopback` },
    ];
  } finally {
    if (before === undefined) delete process.env["SWITCHYARD_SSH_CONFIG"];
    else process.env["SWITCHYARD_SSH_CONFIG"] = before;
    await application.close();
    await server.end();
  }
}

/** CPU of both sides while sixteen runs go, beside the same runs followed on this machine and beside `tail -F`. */
async function following(folder: string): Promise<BenchRow[]> {
  const used = { own: [] as number[], agent: [] as number[], local: [] as number[], tail: [] as number[] }, delays: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const link = await follow(join(folder, `link-${turn}`), "link"), local = await follow(join(folder, `local-${turn}`), "local");
    used.own.push(link.own);
    used.agent.push(link.agent);
    used.tail.push(link.tail);
    used.local.push(local.own);
    delays.push(link.delay, local.delay);
  }
  const benchmark = `follow ${LIVE} runs of ${EVENTS_PER_SECOND} events/s each`;
  const method = `user and system time, median of ${TURNS} turns of ${SECONDS} s; no event was stored later than ${Math.max(...delays).toFixed(0)} ms after it was written; the agent and the backend speak through pipes, so ssh's own work is left out`;
  return [
    { benchmark: `${benchmark}: the agent`, measured: median(used.agent), against: "tail -F of the same files", reference: median(used.tail), unit: "% of a core", method },
    { benchmark: `${benchmark}: the backend`, measured: median(used.own), against: "the same runs on this machine", reference: median(used.local), unit: "% of a core", method },
  ];
}

/** Percent of a core, and the longest time in milliseconds from an event's writing to its row. */
async function follow(folder: string, how: "link" | "local"): Promise<{ own: number; agent: number; tail: number; delay: number }> {
  const home = homeAt(folder), runs = how === "link" ? join(folder, "there", "switchyard", "runs") : home.runs;
  createHome(home);
  mkdirSync(runs, { recursive: true });
  const writer = spawn(process.execPath, [join(import.meta.dirname, "liveRuns.ts"), runs, String(LIVE), String(EVENTS_PER_SECOND), String(SECONDS + 6)], { stdio: ["ignore", "pipe", "inherit"] });
  const ids = String((await once(writer.stdout, "data"))[0]).trim().split(" ");
  const follower = spawn(process.execPath, [join(import.meta.dirname, "copyRuns.ts"), home.directory, how, runs], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(follower.stdout)[Symbol.asyncIterator]();
  const tail = how === "link" ? spawn("tail", ["-q", "-F", ...ids.map((id) => join(runs, id, FILES.events))], { stdio: ["ignore", "ignore", "ignore"] }) : null;
  await lines.next();
  await wait(2000);
  follower.stdin.write("\n");
  await lines.next();
  const tailBefore = cpuOf(tail), began = performance.now();
  await wait(SECONDS * 1000);
  follower.stdin.write("\n");
  const { own, agent, events, delay } = JSON.parse((await lines.next()).value as string) as { own: number; agent: number; events: number; delay: number };
  const share = 100 / (performance.now() - began);
  if (Math.abs(events / (LIVE * EVENTS_PER_SECOND * SECONDS) - 1) > 0.15) throw new Error(`${events} events were stored in ${SECONDS} s.`);
  const tailed = (cpuOf(tail) - tailBefore) * share;
  tail?.kill();
  follower.stdin.end();
  await Promise.all([once(follower, "exit"), writer.exitCode === null ? once(writer, "exit") : null]);
  return { own: own * share, agent: agent * share, tail: tailed, delay };
}

function cpuOf(child: ChildProcess | null): number {
  if (!child) return 0;
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

if (import.meta.main) console.table(await remoteRuns(process.argv.includes("--follow") ? [following] : process.argv.includes("--attach") ? [overSsh] : undefined));
