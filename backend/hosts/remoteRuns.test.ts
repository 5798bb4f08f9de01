// Runs of another machine through all that a person does with them, over a real sshd on loopback.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { Application, type ApplicationOptions } from "../application.ts";
import { SshServer } from "../fixtures/sshServer.ts";
import { tinyPackage } from "../fixtures/remoteTrainer.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { writeRun } from "../fixtures/writeRun.ts";

const server = await SshServer.start();
process.env["SWITCHYARD_SSH_CONFIG"] = server.configFile;
const RUNS = join(server.home, ".local/share/switchyard/runs");
mkdirSync(RUNS, { recursive: true });
const code = tinyPackage(server.folder, { seconds: 0.05 });
afterAll(() => server.end());

const open: Application[] = [];
afterEach(async () => {
  for (const application of open.splice(0)) await application.close();
});
async function start(options: Partial<ApplicationOptions> = {}): Promise<Application> {
  const application = new Application({ home: temporaryHome(), report: (sentence) => { throw new Error(sentence); }, remoteCode: code, ...options });
  open.push(application);
  await application.caughtUp;
  return application;
}
const summary = async (application: Application, runId: string) => (await application.send("runs.get", { runId })).summary;
const becomes = (application: Application, runId: string, status: string, milliseconds = 20_000) =>
  until(async () => (await summary(application, runId)).status === status, milliseconds, `the status ${status}`);
const SPEC = { name: "far", data: { source: { kind: "sample", names: ["moby-dick"] } }, training: { steps: 4000 } };

test("a run is started on a host, watched, cut off, found again without a gap, and stopped", async () => {
  const application = await start();
  const { runId } = await application.send("runs.start", { spec: SPEC, where: { host: "box" } });
  expect((await summary(application, runId)).host).toBe("box");
  await becomes(application, runId, "running");
  await server.stop();
  await becomes(application, runId, "unreachable", 10_000);
  expect((await summary(application, runId)).statusMessage).toMatch(/^Unreachable since .+: .*box.* The run itself is left alone\.$/);
  // What it logs meanwhile is there once the link is.
  const events = join(RUNS, runId, FILES.events), size = readFileSync(events).length;
  await until(() => readFileSync(events).length > size + 2000);
  await expect(application.send("runs.stop", { runId })).rejects.toThrow(/^"far" could not be told to stop, and is left alone: /);
  await server.listen();
  await application.send("runs.reconnect", { runId });
  await becomes(application, runId, "running");
  await application.send("runs.stop", { runId });
  await becomes(application, runId, "stopped");
  expect(readFileSync(join(application.home.runs, runId, FILES.events)).equals(readFileSync(events))).toBe(true);
  expect((await application.send("runs.output", { runId })).text).toContain("arguments");
  // Deleting it here leaves it there.
  await application.send("runs.delete", { runId });
  await application.send("runs.purge", { runId });
  expect([existsSync(join(application.home.runs, runId)), existsSync(events)]).toEqual([false, true]);
});

test("live rows of a healthy link arrive within a second", async () => {
  const id = writeRun(RUNS, { steps: 5, exit: null, name: "live" }), events = join(RUNS, id, FILES.events);
  const application = await start();
  await application.send("runs.attach", { host: "box", directory: join(RUNS, id) });
  await becomes(application, id, "running");
  const delays: number[] = [];
  for (let step = 6, seq = readFileSync(events, "utf8").trimEnd().split("\n").length; step < 16; step++, seq++) {
    const began = performance.now();
    writeFileSync(events, `${JSON.stringify({ v: 1, attempt: 1, seq, t: 1_790_000_000 + step, kind: "metrics", step, tokens: step, seconds: step, values: { loss: 1 } })}\n`, { flag: "a" });
    await until(async () => (await summary(application, id)).step === step);
    delays.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 37));
  }
  expect(Math.max(...delays)).toBeLessThan(1000);
});

test("a backend that comes back goes on with the mirrors it had, and asks no host about those that ended", async () => {
  const home = temporaryHome(), going = writeRun(RUNS, { steps: 10, exit: null, name: "going" }), ended = writeRun(RUNS, { steps: 10, name: "ended" });
  const first = await start({ home });
  for (const id of [going, ended]) await first.send("runs.attach", { host: "box", directory: join(RUNS, id) });
  await becomes(first, going, "running");
  await becomes(first, ended, "completed");
  await first.close();
  open.splice(0);
  const quiet = await start({ home, watchHosts: false });
  expect(await summary(quiet, going)).toMatchObject({ status: "unreachable", statusMessage: expect.stringMatching(/^Not connected to box now\. Last heard of /) });
  expect((await summary(quiet, ended)).status).toBe("completed");
  await quiet.close();
  open.splice(0);
  const second = await start({ home });
  await becomes(second, going, "running");
  expect((await second.send("runs.remote", { runId: ended }))!.directory).toBe(join(RUNS, ended));
});

/** A checkpoint such as a trainer of safetensors leaves. */
function writeCheckpoint(directory: string, step: number): Buffer {
  const folder = join(directory, FILES.checkpoints, `step-${step}`), weights = Buffer.alloc(700_001, "weights ");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.safetensors"), weights);
  writeFileSync(join(folder, FILES.manifest), JSON.stringify({
    v: 1, step, attempt: 1, t: 1, engine: "test", tokens: 1, seconds: 1, position: {}, evaluationLoss: null,
    files: [{ name: "model.safetensors", bytes: weights.length, sha256: createHash("sha256").update(weights).digest("hex") }],
  }));
  return weights;
}

test("a checkpoint is fetched whole, and what was damaged on the way or there is not kept", async () => {
  const id = writeRun(RUNS, { steps: 20 }), directory = join(RUNS, id), weights = writeCheckpoint(directory, 20);
  const application = await start();
  await application.send("runs.attach", { host: "box", directory });
  await becomes(application, id, "completed");
  const one = async () => (await application.send("runs.checkpoints", { runId: id })).find(({ step }) => step === 20);
  await until(async () => (await one())?.remote === true);
  expect(await one()).toMatchObject({ present: false, remote: true });
  // The half that an earlier attempt had fetched is of another content: it does not get through.
  const aside = join(application.home.runs, id, FILES.checkpoints, ".step-20.partial");
  mkdirSync(aside, { recursive: true });
  writeFileSync(join(aside, FILES.manifest), readFileSync(join(directory, FILES.checkpoints, "step-20", FILES.manifest)));
  writeFileSync(join(aside, "model.safetensors.part"), Buffer.alloc(300_000, "other"));
  await expect(application.send("runs.download", { runId: id, step: 20 })).rejects.toThrow("does not match its checksum; it was not kept");
  await application.send("runs.download", { runId: id, step: 20 });
  expect(readFileSync(join(application.home.runs, id, FILES.checkpoints, "step-20", "model.safetensors")).equals(weights)).toBe(true);
  expect(await one()).toMatchObject({ present: true });
  await expect(application.send("runs.download", { runId: id, step: 7 })).rejects.toThrow(/There is no checkpoint step-7 on box any more/);
});

test("a local run's checkpoint is sent to a host and gone on from there", async () => {
  const home = temporaryHome(), id = writeRun(home.runs, { steps: 30, name: "mine", spec: { data: { source: { kind: "sample", names: ["moby-dick"] } } } });
  const weights = writeCheckpoint(join(home.runs, id), 30);
  const application = await start({ home });
  const { runId } = await application.send("runs.continue", { runId: id, where: { host: "box" }, steps: 60 });
  await becomes(application, runId, "completed");
  expect((await summary(application, runId)).name).toBe("mine, continued");
  expect(readFileSync(join(RUNS, runId, FILES.checkpoints, "step-30", "model.safetensors")).equals(weights)).toBe(true);
  expect(readFileSync(join(RUNS, runId, FILES.log), "utf8")).toContain("arguments --steps 60");
  expect(readdirSync(join(RUNS, runId)).sort()).toContain("data.json");
});

/** A run that another workbench has trained on the host, and how this one finds it, in a folder of its own. */
async function found(name: string): Promise<{ application: Application; runId: string; directory: string }> {
  const theirs = await start();
  const { runId } = await theirs.send("runs.start", { spec: { ...SPEC, name, training: { steps: 10, warmupSteps: 1 } }, where: { host: "box" } });
  await becomes(theirs, runId, "completed");
  const directory = join(server.home, `experiments of ${name}`);
  renameSync(join(RUNS, runId), directory);
  const application = await start(), attached = await application.send("runs.attach", { host: "box", directory });
  await becomes(application, attached.runId, "completed");
  return { application, runId: attached.runId, directory };
}

test("a run that was found on a host is resumed in its own directory, as often as is asked for", async () => {
  const { application, runId, directory } = await found("theirs");
  await application.send("runs.resume", { runId, steps: 20 });
  await until(async () => (await summary(application, runId)).step === 20, 20_000);
  await becomes(application, runId, "completed");
  await application.send("runs.resume", { runId, steps: 4000 });
  await until(async () => (await summary(application, runId)).attempt === 3, 20_000);
  await becomes(application, runId, "running");
  await application.send("runs.stop", { runId });
  await becomes(application, runId, "stopped");
  expect(readFileSync(join(directory, FILES.log), "utf8").match(/^arguments.*$/gm)).toEqual(["arguments", "arguments --steps 20", "arguments --steps 4000"]);
  expect(readFileSync(join(application.home.runs, runId, FILES.events)).equals(readFileSync(join(directory, FILES.events)))).toBe(true);
  expect(existsSync(join(RUNS, runId))).toBe(false);
});

test("a run that was found is left alone where its directory lacks what a resume needs, or another has started it", async () => {
  const { application, runId, directory } = await found("lacking"), resumed = () => application.send("runs.resume", { runId, steps: 20 });
  const data = readFileSync(join(directory, FILES.data)), launch = JSON.parse(readFileSync(join(directory, "launch.json"), "utf8")) as { argv: string[] };
  rmSync(join(directory, FILES.data));
  await expect(resumed()).rejects.toThrow(`"lacking" has no data.json in ${directory} on box, which would say where its data lie: go on from one of its checkpoints in a new run.`);
  writeFileSync(join(directory, FILES.data), data);
  writeFileSync(join(directory, "launch.json"), JSON.stringify({ ...launch, argv: [...launch.argv, "--processes", "2", "--process", "0"] }));
  await expect(resumed()).rejects.toThrow('"lacking" was trained by 2 processes on several hosts, of which only box is known here');
  writeFileSync(join(directory, "launch.json"), JSON.stringify(launch));
  // Somebody else is quicker, before it is known here: theirs goes on.
  await until(async () => (await application.send("runs.remote", { runId }))!.watched === false, 20_000);
  const process = JSON.parse(readFileSync(join(directory, FILES.process), "utf8")) as object, other = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    const ticks = readFileSync(`/proc/${other.pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19];
    writeFileSync(join(directory, FILES.process), JSON.stringify({ ...process, attempt: 2, pid: other.pid, startTicks: ticks }));
    await resumed();
    await becomes(application, runId, "running");
    expect(other.exitCode ?? other.signalCode).toBeNull();
    expect(readFileSync(join(directory, FILES.log), "utf8").match(/^arguments/gm)).toHaveLength(1);
  } finally {
    other.kill();
  }
  const strange = writeRun(RUNS, { steps: 10, name: "strange" });
  await application.send("runs.attach", { host: "box", directory: join(RUNS, strange) });
  await becomes(application, strange, "completed");
  await expect(application.send("runs.resume", { runId: strange, steps: 20 })).rejects.toThrow('"strange" was trained there by another trainer than the one that is sent to hosts');
});

test("a host that can't be reached says why at once, and hosts beside it go on", async () => {
  server.addHost("nowhere", ["HostName 127.0.0.1", "Port 1"]);
  const application = await start();
  const { runId } = await application.send("runs.start", { spec: SPEC, where: { host: "nowhere" } });
  await becomes(application, runId, "unreachable");
  expect((await summary(application, runId)).statusMessage).toMatch(/refuses connections at port 1.* It is started once the link is there; stop it to call that off\.$/);
  await expect(application.send("hosts.runs", { name: "nowhere" })).rejects.toThrow(/refuses connections at port 1/);
  expect((await application.send("hosts.runs", { name: "box" })).runs.length).toBeGreaterThan(0);
  await expect(application.send("runs.start", { spec: SPEC, where: { host: "no-such-host" } })).rejects.toThrow(/There is no host "no-such-host"/);
  await application.send("runs.delete", { runId });
});

test("a link that only falls silent is noticed, and the run is found again", { timeout: 180_000 }, async () => {
  const id = writeRun(RUNS, { steps: 10, exit: null, name: "silent" });
  const application = await start();
  await application.send("runs.attach", { host: "box", directory: join(RUNS, id) });
  await becomes(application, id, "running");
  server.freeze();
  try {
    await becomes(application, id, "unreachable", 60_000);
    expect((await summary(application, id)).statusMessage).toMatch(/Nothing was heard from box for 20 s\./);
  } finally {
    server.freeze(false);
  }
  await application.send("runs.reconnect", { runId: id }).catch(() => {});
  await becomes(application, id, "running", 60_000);
});
