// The backend's duties to a run's life, with real processes.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { RoutingRow, type Push, type RunSummary } from "../contract/handlers.ts";
import { ExitFile, FILES, ProcessFile } from "../contract/runDirectory.ts";
import { Application, type ApplicationOptions } from "./application.ts";
import { temporaryHome, until } from "./fixtures/temporaryHome.ts";
import { EventStream, writeRun } from "./fixtures/writeRun.ts";
import type { Home } from "./home.ts";
import { toWireError } from "./personError.ts";
import { purgeExpired, RESTORABLE_SECONDS } from "./runs/deletion.ts";
import { newRunId } from "./runs/launch.ts";
import { bootId, startTicks } from "./runs/processState.ts";
import { labelRun, runKey } from "../db/runRows.ts";

const TRAINER = [process.execPath, fileURLToPath(new URL("./fixtures/trainer.ts", import.meta.url))];
const UNKNOWN = "0199aaaa-0000-7000-8000-000000000009";
const open: Application[] = [];
const problems: string[] = [];
afterEach(async () => {
  for (const application of open.splice(0)) {
    for (const { id, status } of await application.send("runs.list", {})) {
      if (!["starting", "preparing", "running", "stopping"].includes(status)) continue;
      const file = readProcess(application.home, id);
      if (file && file.pid !== process.pid && startTicks(file.pid) === file.startTicks) process.kill(file.pid, "SIGKILL");
    }
    await application.close();
  }
  problems.length = 0;
});

async function start(home: Home = temporaryHome(), options: Partial<ApplicationOptions> = {}): Promise<Application> {
  const application = new Application({ home, trainer: TRAINER, report: (sentence) => problems.push(sentence), ...options });
  open.push(application);
  await application.caughtUp;
  return application;
}
const stop = async (application: Application) => {
  open.splice(open.indexOf(application), 1);
  await application.close();
};
const run = async (application: Application, id: string): Promise<RunSummary> => (await application.send("runs.get", { runId: id })).summary;
const untilStatus = (application: Application, id: string, ...statuses: string[]) =>
  until(async () => statuses.includes((await run(application, id)).status), 15_000, `${statuses.join(" or ")} of ${id}`);
const train = async (application: Application, name: string, steps = 100_000) => (await application.send("runs.start", { spec: { name, training: { steps, warmupSteps: 0 } } })).runId;
const readProcess = (home: Home, id: string) => {
  try {
    return ProcessFile.parse(JSON.parse(readFileSync(join(home.runs, id, FILES.process), "utf8")));
  } catch {
    return null;
  }
};
const readExit = (home: Home, id: string) => ExitFile.parse(JSON.parse(readFileSync(join(home.runs, id, FILES.exit), "utf8")));

test("a run is started, followed, asked to stop, resumed with more steps, and completed", async () => {
  const application = await start();
  const id = await train(application, "obedient");
  expect(statSync(join(application.home.runs, id)).mode & 0o777).toBe(0o700);
  await untilStatus(application, id, "running");
  await until(async () => (await run(application, id)).step > 10);
  await expect(application.send("runs.delete", { runId: id })).rejects.toThrow(/still going; stop it/);
  await expect(application.send("runs.resume", { runId: id })).rejects.toThrow(/still going/);
  await application.send("runs.checkpoint", { runId: id });
  await until(() => !existsSync(join(application.home.runs, id, FILES.control, "checkpoint.json")));
  await application.send("runs.stop", { runId: id });
  await untilStatus(application, id, "stopped");
  expect(await run(application, id)).toMatchObject({ exitReason: "stopped", statusMessage: "It stopped.", attempt: 1 });
  await expect(application.send("runs.stop", { runId: id })).rejects.toThrow(/already ended/);

  const spec = readFileSync(join(application.home.runs, id, FILES.spec), "utf8");
  await expect(application.send("runs.resume", { runId: id, steps: 3 })).rejects.toThrow(/ask for more steps/);
  await application.send("runs.resume", { runId: id, steps: 400 });
  expect((await run(application, id)).status).not.toBe("stopped");
  await untilStatus(application, id, "completed");
  await until(async () => (await run(application, id)).step === 400);
  expect(await run(application, id)).toMatchObject({ attempt: 2, steps: 400, statusMessage: null });
  expect(readFileSync(join(application.home.runs, id, FILES.spec), "utf8")).toBe(spec);
  expect((await application.send("runs.output", { runId: id })).text).toBe("red output\nred output\n");
  expect(problems).toEqual([]);
});

test("a trainer that can't start is a failed run at once, with its last words", async () => {
  const application = await start();
  const id = await train(application, "dies at once");
  await untilStatus(application, id, "failed");
  const { statusMessage, exitReason } = await run(application, id);
  expect(statusMessage).toMatch(/did not start.*Error: the engine is missing/);
  expect(exitReason).toBe("crashed");
  expect(readExit(application.home, id)).toMatchObject({ by: "backend", attempt: 1 });
});

test("a trainer that crashes is settled with its error, not with the end of its stack trace", async () => {
  const application = await start();
  const id = await train(application, "crashes");
  await untilStatus(application, id, "failed");
  expect(await run(application, id)).toMatchObject({ exitReason: "crashed", step: 3, statusMessage: expect.stringMatching(/code 7.*step 3.*RangeError: something broke/) });
});

test("a killed trainer is settled as killed, whether the backend saw it or comes later", async () => {
  const application = await start();
  const [seen, unseen] = [await train(application, "a"), await train(application, "b")];
  await untilStatus(application, seen, "running");
  await untilStatus(application, unseen, "running");
  process.kill(readProcess(application.home, seen)!.pid, "SIGKILL");
  await untilStatus(application, seen, "failed");
  expect(await run(application, seen)).toMatchObject({ exitReason: "killed", statusMessage: expect.stringContaining("SIGKILL") });

  await stop(application);
  const { pid, startTicks: ticks } = readProcess(application.home, unseen)!;
  process.kill(pid, "SIGKILL");
  await until(() => startTicks(pid) !== ticks);
  const later = await start(application.home);
  await untilStatus(later, unseen, "failed");
  expect(await run(later, unseen)).toMatchObject({ exitReason: "killed", statusMessage: expect.stringContaining("resume continues") });
});

test("a run outlives the backend and is found again", async () => {
  const application = await start();
  const id = await train(application, "outlives");
  await untilStatus(application, id, "running");
  await stop(application);
  const { step } = JSON.parse(readFileSync(join(application.home.runs, id, FILES.events), "utf8").trimEnd().split("\n").at(-1)!);
  const again = await start(application.home);
  expect(await run(again, id)).toMatchObject({ status: "running" });
  await until(async () => (await run(again, id)).step > step + 5);
  await again.send("runs.stop", { runId: id });
  await untilStatus(again, id, "stopped");
});

test("a pid given to another process, and a boot before this one, are not the trainer", async () => {
  const home = temporaryHome();
  const bystander = spawn("sleep", ["60"]);
  await once(bystander, "spawn");
  const process_ = (id: string, changes: object) => writeFileSync(join(home.runs, id, FILES.process), JSON.stringify({
    v: 1, attempt: 1, pid: bystander.pid, startTicks: "1", bootId: bootId(), host: hostname(), argv: ["node"], startedAt: 1, ...changes,
  }));
  const [reused, rebooted, elsewhere] = [writeRun(home.runs, { exit: null, steps: 2 }), writeRun(home.runs, { exit: null, steps: 2 }), writeRun(home.runs, { exit: null, steps: 2 })];
  process_(reused, {});
  process_(rebooted, { bootId: "another boot" });
  process_(elsewhere, { bootId: "another boot", host: "another-machine" });
  const application = await start(home);
  expect(await run(application, reused)).toMatchObject({ status: "failed", exitReason: "killed" });
  expect(await run(application, rebooted)).toMatchObject({ status: "failed", statusMessage: expect.stringContaining("restarted") });
  expect(await run(application, elsewhere)).toMatchObject({ status: "running", statusMessage: expect.stringContaining("another-machine") });
  expect(existsSync(join(home.runs, elsewhere, FILES.exit))).toBe(false);
  // Nobody was harmed.
  expect(bystander.exitCode).toBeNull();
  bystander.kill();
});

test("a run that was resumed is stopped as gently as at first, however long ago that was", async () => {
  const application = await start(temporaryHome(), { patience: { stop: 300, heartbeat: 60_000, start: 30_000 } });
  const id = await train(application, "obedient");
  for (const attempt of [1, 2]) {
    await untilStatus(application, id, "running");
    await application.send("runs.stop", { runId: id });
    await untilStatus(application, id, "stopped");
    expect(await run(application, id)).toMatchObject({ attempt, exitReason: "stopped", statusMessage: "It stopped." });
    await new Promise((resolve) => setTimeout(resolve, 700));
    if (attempt === 1) await application.send("runs.resume", { runId: id, steps: 100_000 });
  }
});

test("a trainer that does not stop is told by SIGTERM, and by SIGKILL once it says nothing more", async () => {
  const application = await start(temporaryHome(), { patience: { stop: 700, heartbeat: 60_000, start: 30_000 } });
  const [deaf, stubborn] = [await train(application, "ignores requests", 60), await train(application, "ignores signals", 60)];
  for (const id of [deaf, stubborn]) {
    await untilStatus(application, id, "running");
    await application.send("runs.stop", { runId: id });
    expect(await run(application, id)).toMatchObject({ status: "stopping" });
  }
  await untilStatus(application, deaf, "failed");
  expect((await run(application, deaf)).statusMessage).toContain("SIGTERM");
  await untilStatus(application, stubborn, "failed");
  expect((await run(application, stubborn)).statusMessage).toContain("SIGKILL");
});

test("a heartbeat that stands still is mentioned, one that moves is not", async () => {
  const home = temporaryHome();
  const [silent, lively] = [writeRun(home.runs, { exit: null, steps: 2 }), writeRun(home.runs, { exit: null, steps: 2 })];
  const beat = (id: string, count: number) => writeFileSync(join(home.runs, id, FILES.heartbeat), JSON.stringify({ v: 1, attempt: 1, count, step: 2, t: 1 }));
  beat(silent, 1);
  let count = 0;
  const timer = setInterval(() => beat(lively, ++count), 50);
  const application = await start(home, { patience: { stop: 60_000, heartbeat: 1500, start: 30_000 } });
  await until(async () => (await run(application, silent)).statusMessage?.includes("sign of life") ?? false);
  expect(await run(application, lively)).toMatchObject({ status: "running", statusMessage: null });
  clearInterval(timer);
});

test("new rows reach a follower within 300 ms, and a directory made by hand is adopted", async () => {
  const application = await start();
  const id = writeRun(application.home.runs, { exit: null, steps: 3, name: "by hand" });
  await until(async () => (await application.send("runs.list", {})).some((summary) => summary.id === id && summary.step === 3));
  const stream = new EventStream(1);
  stream.seq = 1000;
  const cursor = (await application.send("runs.get", { runId: id })).cursor;
  let arrived: ((rows: Push<"run">) => void) | null = null;
  const end = application.follow("run", { runId: id, after: cursor }, { push: (push) => arrived?.(push as Push<"run">), congested: () => false, fail: console.error });
  const latencies: number[] = [];
  for (let step = 4; step < 13; step++) {
    const pushed = new Promise<Push<"run">>((resolve) => (arrived = resolve));
    const begin = performance.now();
    appendFileSync(join(application.home.runs, id, FILES.events), stream.line({ kind: "metrics", step, tokens: 1, seconds: 1, values: { loss: step } }));
    expect((await pushed).metrics).toMatchObject([{ step, values: { loss: step } }]);
    latencies.push(performance.now() - begin);
    await new Promise((resolve) => setTimeout(resolve, 17 * step));
  }
  // The median: the machine that runs the tests may be busy for a moment.
  expect(latencies.sort((a, b) => a - b)[4]).toBeLessThan(300);
  end();
});

test("a slow follower gets no growing queue, and all rows once it has caught up", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 3000 });
  const application = await start(home);
  const steps: number[] = [];
  let congested = false;
  let pushes = 0;
  const end = application.follow("run", { runId: id, after: 0 }, {
    push: (push) => {
      pushes++;
      congested = true;
      steps.push(...(push as Push<"run">).metrics.filter(({ values }) => "loss" in values).map(({ step }) => step));
    },
    congested: () => congested, fail: console.error,
  });
  await until(() => pushes === 1);
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(pushes).toBe(1);
  const timer = setInterval(() => (congested = false), 20);
  await until(() => steps.length === 3000);
  expect(steps).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1));
  clearInterval(timer);
  end();
});

test("the database is made again from the directories when it is damaged", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 300, name: "kept" });
  const first = await start(home);
  const before = await first.send("metrics.series", { runId: id, name: "loss", points: 50 });
  await stop(first);
  writeFileSync(home.database, "damaged beyond repair");
  const second = await start(home);
  expect(problems.join()).toMatch(/damaged.*filled from the run directories/);
  expect(await second.send("metrics.series", { runId: id, name: "loss", points: 50 })).toEqual(before);
  expect(await run(second, id)).toMatchObject({ name: "kept", status: "completed" });
  // A follower from before learns that its rows are void.
  const pushed = new Promise<Push<"run">>((resolve) => second.follow("run", { runId: id, after: 1_000_000 }, { push: (push) => resolve(push as Push<"run">), congested: () => false, fail: console.error }));
  expect((await pushed).resetAfterStep).toBe(-1);
});

test.each([["everywhere", 0.05, 0.95], ["in its second half", 0.5, 0.95]])("damage %s is met with sentences, and mended by the next start", async (_, from, to) => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 1500, name: "kept" });
  const first = await start(home);
  const before = await first.send("metrics.series", { runId: id, name: "loss", points: 50 });
  first.db.pragma("wal_checkpoint(TRUNCATE)");
  await stop(first);
  const bytes = readFileSync(home.database);
  bytes.fill(0xa5, Math.floor(bytes.length * from), Math.floor(bytes.length * to));
  writeFileSync(home.database, bytes);
  const second = await start(home);
  const met = await second.send("runs.export", { runId: id, format: "csv" }).then(() => "", (error: Error) => toWireError(error, "the export").message);
  await stop(second);
  // Met at the start and rebuilt at once, or met by the question and rebuilt at the next start.
  if (!problems.join().includes("filled from the run directories")) expect(met).toContain("The database is damaged; quit Switchyard");
  const third = await start(home);
  expect(problems.join()).toContain("filled from the run directories");
  expect(await third.send("metrics.series", { runId: id, name: "loss", points: 50 })).toEqual(before);
});

test("deleting marks, restoring unmarks, purging removes, and time removes for good", async () => {
  const home = temporaryHome();
  const [kept, purged, expired] = [writeRun(home.runs, { steps: 5, name: "kept" }), writeRun(home.runs, { steps: 5 }), writeRun(home.runs, { steps: 5 })];
  const application = await start(home);
  await application.send("runs.delete", { runId: kept });
  expect((await run(application, kept)).deletedAt).toBeGreaterThan(0);
  await application.send("runs.restore", { runId: kept });
  expect((await run(application, kept)).deletedAt).toBeNull();

  await expect(application.send("runs.purge", { runId: purged })).rejects.toThrow(/delete it before/);
  await application.send("runs.delete", { runId: purged });
  await application.send("runs.purge", { runId: purged });
  expect(existsSync(join(home.runs, purged))).toBe(false);
  await expect(application.send("runs.get", { runId: purged })).rejects.toThrow(/There is no run/);

  const now = Date.now() / 1000;
  labelRun(application.db, runKey(application.db, expired)!, { deletedAt: now - RESTORABLE_SECONDS - 1 });
  labelRun(application.db, runKey(application.db, kept)!, { deletedAt: now - RESTORABLE_SECONDS + 60 });
  await stop(application);
  const later = await start(home);
  expect((await later.send("runs.list", {})).map(({ id }) => id)).toEqual([kept]);
  expect(existsSync(join(home.runs, expired))).toBe(false);
  expect(purgeExpired(later.db, home.runs, now)).toEqual([]);
});

test("labels take any text as text", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 2, name: "'; DROP TABLE run; --" });
  const application = await start(home);
  for (const name of ["../../etc/passwd", "<img src=x onerror=alert(1)>", "مرحبا 🙂‍↔️", "$(rm -rf /)", "a".repeat(200)]) {
    await application.send("runs.rename", { runId: id, name });
    expect((await run(application, id)).name).toBe(name);
    const { fileName } = await application.send("runs.export", { runId: id, format: "csv" });
    expect(fileName).toMatch(/^[\p{L}\p{N}_][\p{L}\p{N}._-]*-metrics\.csv$/u);
  }
  await application.send("runs.tag", { runId: id, tags: ["a", "a", "', ("] });
  await application.send("runs.note", { runId: id, note: "line\n\"quoted\"" });
  await application.send("runs.colour", { runId: id, colour: 39 });
  await application.send("runs.archive", { runId: id, archived: true });
  expect(await run(application, id)).toMatchObject({ tags: ["a", "', ("], note: "line\n\"quoted\"", colour: 39, archived: true });
  await expect(application.send("runs.rename", { runId: id, name: "   " })).rejects.toThrow(/name/);
  await expect(application.send("runs.rename", { runId: "../../etc", name: "x" })).rejects.toThrow(/runId/);
  await expect(application.send("runs.rename", { runId: UNKNOWN, name: "x" })).rejects.toThrow(/There is no run/);
  await expect(application.request("__proto__", {})).rejects.toThrow(/no request/);
});

test("stray folders, links and unreadable specs in the runs folder are passed over", async () => {
  const home = temporaryHome();
  mkdirSync(join(home.runs, "notes"));
  mkdirSync(join(home.runs, newRunId()));
  symlinkSync("/etc", join(home.runs, newRunId()));
  const bad = newRunId();
  mkdirSync(join(home.runs, bad));
  writeFileSync(join(home.runs, bad, FILES.spec), '{"version":99}');
  const application = await start(home);
  expect(await application.send("runs.list", {})).toEqual([]);
  expect(problems.filter((problem) => problem.includes(bad))).toHaveLength(1);
});

test("a run tells what of its events could not be read, and shows the rest", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 20 }), file = join(home.runs, id, FILES.events);
  const whole = readFileSync(file, "utf8").trimEnd().split("\n");
  // A line in the middle is lost, and what is no JSON stands in its place.
  writeFileSync(file, [...whole.slice(0, 5), "\u0000\u0001 garbage", "{}", ...whole.slice(6)].map((line) => `${line}\n`).join(""));
  const application = await start(home);
  const { passedOver, summary } = await application.send("runs.get", { runId: id });
  expect(passedOver).toEqual({ unparsable: 2, oversized: 0, unknown: 0, repeated: 0, missing: 1 });
  expect(summary.step).toBe(20);
});

test("exports hold every recorded value", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 250, experts: 4 });
  const application = await start(home);
  const rows = (await application.send("runs.export", { runId: id, format: "csv" })).text.trimEnd().split("\r\n").map((line) => line.split(","));
  expect(rows).toHaveLength(251);
  const lines = readFileSync(join(home.runs, id, FILES.events), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const event of lines.filter(({ kind }) => kind === "metrics" || kind === "evaluation"))
    for (const [name, value] of Object.entries(event.values)) expect(Number(rows[event.step]![rows[0]!.indexOf(name)])).toBe(value);
  const json = JSON.parse((await application.send("runs.export", { runId: id, format: "json" })).text);
  expect(json.metrics).toHaveLength(250);
  const routing = JSON.parse((await application.send("runs.export", { runId: id, format: "json", what: "routing" })).text).routing;
  const recorded = lines.filter(({ kind }) => kind === "routing");
  expect(routing).toHaveLength(recorded.length);
  expect(routing[0]).toEqual(RoutingRow.parse(recorded[0]));
  expect((await application.send("runs.export", { runId: id, format: "csv", what: "routing" })).text.trimEnd().split("\r\n")).toHaveLength(recorded.length * 4 + 1);
});

test("routing is read at a step, over time, and thinned with its ends", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 400, routingEvery: 2 });
  const application = await start(home);
  const at = await application.send("routing.at", { runId: id, step: 101 });
  expect(at.map(({ step, stack, layer }) => [step, stack, layer])).toEqual([[100, "encoder", 1], [100, "encoder", 3], [100, "decoder", 1], [100, "decoder", 3]]);
  for (const { load, tokens, kept, capacity } of at) {
    expect(load.reduce((a, b) => a + b)).toBe(tokens);
    expect(Math.max(...kept)).toBeLessThanOrEqual(capacity);
  }
  const history = await application.send("routing.history", { runId: id, stack: "decoder", layer: 3, points: 11 });
  expect(history).toMatchObject({ count: 201, reduced: true, experts: 8 });
  expect(history.step).toHaveLength(11);
  expect([history.step[0], history.step.at(-1)]).toEqual([1, 400]);
  const zoomed = await application.send("routing.history", { runId: id, stack: "decoder", layer: 3, points: 300, from: 99, to: 105 });
  expect(zoomed.step).toEqual([100, 102, 104]);
  expect((await application.send("routing.steps", { runId: id })).count).toBe(201);
  expect(await application.send("routing.at", { runId: id, step: 0 })).toEqual([]);
});

test("comparing shows only what differs", async () => {
  const home = temporaryHome();
  const [a, b] = [writeRun(home.runs, { name: "a", steps: 100, experts: 4 }), writeRun(home.runs, { name: "b", steps: 100, spec: { model: { sparse: null } } })];
  const application = await start(home);
  const differences = await application.send("runs.compare", { runIds: [a, b] });
  expect(differences.map(({ path }) => path)).toContain("model.sparse.experts");
  expect(differences.find(({ path }) => path === "name")).toEqual({ path: "name", values: ["a", "b"] });
  expect(differences.some(({ path }) => path === "model.dModel")).toBe(false);
});

test("a spec's mistakes are said at their fields", async () => {
  const application = await start();
  const issues = async (spec: unknown) => (await application.send("spec.validate", { spec })).issues;
  expect(await issues({})).toEqual([]);
  expect((await issues({ model: { sparse: { every: 99 } }, data: { objektive: "x" } })).map(({ path }) => path)).toContain("data.objektive");
  expect(await issues({ data: { source: { kind: "files", paths: ["/does/not/exist", "relative"] } } })).toMatchObject([{ path: "data.source.paths.0" }, { path: "data.source.paths.1" }]);
  await expect(application.send("runs.start", { spec: { training: { steps: -1 } } })).rejects.toMatchObject({ message: expect.stringContaining("not started"), issues: expect.arrayContaining([expect.objectContaining({ path: "training.steps" })]) });
  expect(await application.send("runs.list", {})).toEqual([]);
});

test("chosen text is looked at by the trainer's own eyes; what can't be read is a sentence at its field", async () => {
  const application = await start();
  const file = join(application.home.directory, "text.txt");
  writeFileSync(file, Buffer.concat([Buffer.from("Some text. Größe.\n"), Buffer.from([0xff])]));
  const inspect = (path: string) => application.send("data.inspect", { source: { kind: "files", paths: [path] }, tokenizer: { kind: "bytes" } });
  expect(await inspect(file)).toMatchObject({ files: 1, documents: 1, bytes: 21, invalidBytes: 1, vocabularySize: 384, skipped: [] });
  await expect(inspect("/does/not/exist")).rejects.toMatchObject({ message: expect.stringContaining("/does/not/exist"), issues: [{ path: "data.source" }] });
  await expect(application.send("data.inspect", { source: { kind: "elsewhere" }, tokenizer: {} })).rejects.toMatchObject({ issues: [{ path: "data.source.kind" }, { path: "data.tokenizer.kind" }] });
});

test("a thousand runs are listed fast, and reattached fast", { timeout: 120_000 }, async () => {
  const home = temporaryHome();
  for (let i = 0; i < 1000; i++) writeRun(home.runs, { name: `run ${i}`, seed: i + 1, steps: 5 });
  await stop(await start(home));
  const begin = performance.now();
  const application = await start(home);
  expect(performance.now() - begin).toBeLessThan(5000);
  await application.send("runs.list", {});
  const listing = performance.now();
  expect(await application.send("runs.list", {})).toHaveLength(1000);
  expect(performance.now() - listing).toBeLessThan(400);
});

test("events that can't be read are told of in plain words, and hold up no other run", async () => {
  const home = temporaryHome();
  const bad = writeRun(home.runs, { steps: 5 }), good = writeRun(home.runs, { steps: 20 }), events = join(home.runs, bad, "events.jsonl");
  rmSync(events);
  mkdirSync(events);
  const application = await start(home);
  await until(() => problems.length > 0);
  expect(problems).toEqual([`Reading run ${bad} failed: it is a folder`]);
  expect((await application.send("metrics.series", { runId: good, name: "loss", points: 50 })).count).toBe(20);
});

test("a run directory removed by hand keeps what was recorded and says so", async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 20 });
  const application = await start(home);
  rmSync(join(home.runs, id), { recursive: true });
  await until(() => problems.some((problem) => problem.includes(id)));
  expect((await application.send("metrics.series", { runId: id, name: "loss", points: 50 })).count).toBe(20);
  await expect(application.send("runs.resume", { runId: id })).rejects.toThrow(/folder .* is gone/);
});
