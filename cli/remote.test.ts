// Runs on another machine from the terminal, without a window or a backend, against a real sshd on loopback and the real JAX trainer.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePythonEnvironment } from "../scripts/bootstrap/pythonEnvironment.mjs";
import { MotoServer } from "../backend/fixtures/motoServer.ts";
import { SshServer } from "../backend/fixtures/sshServer.ts";
import { temporaryHome, until } from "../backend/fixtures/temporaryHome.ts";
import { writeRun } from "../backend/fixtures/writeRun.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url)), TINY = fileURLToPath(new URL("../examples/trainers/tinyTrainer.py", import.meta.url));
const FIXTURE = fileURLToPath(new URL("../backend/fixtures/logs/maxtext", import.meta.url));
const PATIENCE = 400_000;
const home = temporaryHome();
let server: SshServer, moto: MotoServer, runs: string;
beforeAll(async () => {
  moto = await MotoServer.start();
  server = await SshServer.start({ environment: { JAX_PLATFORMS: "cpu", XLA_FLAGS: "--xla_force_host_platform_device_count=2", ...moto.environment } });
  runs = join(server.home, ".local/share/switchyard/runs");
  mkdirSync(runs, { recursive: true });
}, 600_000);
afterAll(() => Promise.all([server.end(), moto.end()]));

const at = (directory: string) => (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", directory, ...words], { encoding: "utf8", env: { ...process.env, SWITCHYARD_SSH_CONFIG: server.configFile } });
  return { code: status, out: stdout, error: stderr };
};
const switchyard = at(home.directory);
const json = (...words: string[]) => JSON.parse(switchyard(...words, "--json").out);

const SPEC = {
  name: "far", model: { dModel: 32, dFf: 64, heads: 2, dKv: 16, encoderLayers: 2, decoderLayers: 2, precision: "fp32", sparse: { experts: 4, every: 2 } },
  data: { source: { kind: "sample", names: ["moby-dick"] }, inputLength: 32, targetLength: 16 }, training: { batchSize: 4, steps: 6, warmupSteps: 2, evaluateEvery: 5, evaluationBatches: 1, checkpoint: { everySteps: 5 } },
};

test("a spec is trained on a host with JAX until its end, and its checkpoint is fetched and gone on from here", { timeout: PATIENCE }, async () => {
  const spec = join(home.directory, "spec.json");
  writeFileSync(spec, JSON.stringify(SPEC));
  expect(switchyard("hosts", "add", "tpu", "box", "--python", await ensurePythonEnvironment()).code).toBe(0);
  expect(switchyard("train", spec, "--host", "tpu", "--set", "model.sparse.routing=hash")).toMatchObject({ code: 1, error: expect.stringContaining("The JAX trainer routes by Switch or top-k") });
  expect(switchyard("train", spec, "--data", "/x").code).toBe(2);
  const trained = switchyard("train", spec, "--host", "tpu", "--wait");
  expect(trained).toMatchObject({ code: 0, out: expect.stringContaining("completed: Completed 6 steps.") });
  const [{ id }] = json("runs", "list");
  expect(switchyard("runs", "list").out).toMatch(/id +status +on +step[\s\S]+completed +tpu +6/);
  expect(switchyard("runs", "download", id)).toMatchObject({ code: 0, out: expect.stringContaining("The checkpoint of step 6 is here.") });
  expect(existsSync(join(home.runs, id, "checkpoints/step-6/model.safetensors"))).toBe(true);
  expect(switchyard("runs", "continue", id)).toMatchObject({ code: 1, error: expect.stringContaining("ask for more steps") });
  const continued = switchyard("runs", "continue", id, "--steps", "9", "--wait");
  expect(continued).toMatchObject({ code: 0, out: expect.stringContaining("Completed 9 steps.") });
  expect(switchyard("runs", "delete", id).out).toContain("On tpu nothing is changed");
  expect(readdirSync(runs)).toEqual([id]);
});

test("prepared data are trained on from a bucket, and a run that another workbench finds there is resumed by it", { timeout: PATIENCE }, async () => {
  const spec = join(home.directory, "bucket.json"), tokens = join(home.directory, "tokens"), python = await ensurePythonEnvironment();
  writeFileSync(spec, JSON.stringify({ ...SPEC, name: "from a bucket", mesh: { data: 2 } }));
  expect(switchyard("hosts", "add", "tpu", "box", "--python", python).code).toBe(0);
  expect(switchyard("prepare", spec, tokens)).toMatchObject({ code: 0, out: expect.stringMatching(/holds [\d.]+ [kM]B of tokens in 3 files\.$/m) });
  expect(switchyard("prepare", spec, tokens)).toMatchObject({ code: 2, error: expect.stringContaining("is not empty") });
  await moto.upload(tokens, "corpora", "books");
  expect(switchyard("train", spec, "--host", "tpu", "--data", "ftp://corpora/books")).toMatchObject({ code: 2, error: expect.stringContaining("ftp:// is not read") });
  expect(switchyard("train", spec, "--host", "tpu", "--data", "s3://corpora/nothing", "--wait")).toMatchObject({ code: 3, out: expect.stringContaining("There is no index.json in s3://corpora/nothing") });
  expect(switchyard("train", spec, "--host", "tpu", "--data", "s3://corpora/books", "--wait")).toMatchObject({ code: 0, out: expect.stringContaining("completed: Completed 6 steps.") });
  const [{ id }] = json("runs", "list"), brought = join(server.home, ".local/share/switchyard/data"), [bucket] = readdirSync(brought).filter((name) => existsSync(join(brought, name, ".lock")));
  expect(bucket).toMatch(/^bucket-[0-9a-f]{32}$/);
  expect(readFileSync(join(server.home, ".local/share/switchyard/runs", id, "stdout.log"), "utf8")).toContain("The data are those of s3://corpora/books, version ");
  // Goes on elsewhere with the same data, which need not be here.
  expect(switchyard("runs", "continue", id, "--host", "tpu", "--steps", "7", "--wait")).toMatchObject({ code: 0, out: expect.stringContaining("Completed 7 steps.") });

  const other = at(temporaryHome().directory);
  expect(other("hosts", "add", "tpu", "box", "--python", python).code).toBe(0);
  expect(other("attach", "tpu", join(runs, id)).code).toBe(0);
  expect(other("runs", "resume", id, "--steps", "8", "--wait")).toMatchObject({ code: 0, out: expect.stringContaining("completed: Completed 8 steps.") });
  expect(JSON.parse(other("runs", "metrics", id, "--name", "loss", "--json").out).map(({ step }: { step: number }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  for (const run of readdirSync(runs)) rmSync(join(runs, run), { recursive: true });
});

test("runs that lie on a host are listed, attached to and let go of", { timeout: PATIENCE }, () => {
  const going = writeRun(runs, { steps: 20, exit: null, name: "going" }), ended = writeRun(runs, { steps: 30, name: "ended" });
  expect(switchyard("attach", "box").out).toMatch(/completed[^\n]+ended/);
  expect(json("attach", "box").runs.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(["going", "ended"]));
  expect(json("attach", "box", join(runs, ended))).toMatchObject([{ runId: ended, attached: true }]);
  expect(json("runs", "show", ended).summary).toMatchObject({ status: "completed", step: 30, host: "box" });
  expect(switchyard("attach", "box", join(runs, going)).out).toContain("Copied up to now.");
  expect(json("runs", "show", going).summary).toMatchObject({ status: "unreachable", step: 20, statusMessage: expect.stringContaining("Not connected to box now. Last heard of") });
  expect(switchyard("runs", "detach", going).out).toContain('"going" is left alone on box.');
  expect(switchyard("attach", "box", "/nowhere")).toMatchObject({ code: 1, error: expect.stringContaining("There is no file or folder /nowhere on") });
  expect(switchyard("attach", "no-such-host")).toMatchObject({ code: 1, error: expect.stringContaining('There is no host "no-such-host"') });
});

test("a run that goes on a host is stopped through its link alone", { timeout: PATIENCE }, async () => {
  const id = writeRun(runs, { steps: 0, name: "to be stopped" }), directory = join(runs, id);
  const trainer = spawn("python3", ["-c", `import sys; sys.argv = ["tiny", ${JSON.stringify(directory)}, "--steps", "100000"]; exec(open(${JSON.stringify(TINY)}).read().replace("run.beat(step)", "run.beat(step); time.sleep(0.05)"))`], { stdio: "ignore" });
  await until(() => existsSync(join(directory, "heartbeat.json")));
  expect(json("attach", "box", directory)).toHaveLength(1);
  expect(switchyard("runs", "stop", id, "--wait")).toMatchObject({ code: 0, out: expect.stringMatching(/^stopped: Stopped at step \d+ of 100000\./) });
  expect(trainer.exitCode ?? 0).toBe(0);
  expect(readFileSync(join(home.runs, id, "events.jsonl")).equals(readFileSync(join(directory, "events.jsonl")))).toBe(true);
});

test("another trainer's log on a host is imported", { timeout: PATIENCE }, () => {
  const logs = join(server.home, "logs"), [name] = readdirSync(FIXTURE);
  mkdirSync(logs);
  copyFileSync(join(FIXTURE, name!), join(logs, name!));
  const [{ runId }] = json("attach", "box", "~/logs");
  expect(json("runs", "show", runId).summary).toMatchObject({ step: 19, host: "box", status: "stopped" });
});
