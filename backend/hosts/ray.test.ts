// Runs that a host hands to Ray, on a real one: submitted once, waiting with Ray's own words, watched, stopped, ended by Ray, resumed.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, type TestContext } from "vitest";
import { RayEngine } from "../../contract/engines.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { forgetJob, HANDED_SPEC as SPEC, handedRuns, jobOf, messageOf, onLoginNode, outlivesSilence, resumesAsAnotherJob, sleeping, statusOf, type HandedOptions } from "../fixtures/handedRuns.ts";
import { RayCluster } from "../fixtures/rayCluster.ts";
import { losingLaunchAnswer, runsOn, type Mirrors } from "../fixtures/remoteMirrors.ts";
import { until } from "../fixtures/temporaryHome.ts";

let cluster: RayCluster | null = null, unavailable = "";
beforeAll(async () => {
  cluster = await RayCluster.start().catch((error: Error) => { unavailable = error.message; return null; });
}, 600_000);
afterAll(() => cluster?.end(), 60_000);

const open: Mirrors[] = [];
let there: string;
beforeEach(() => { there = mkdtempSync(join(tmpdir(), "switchyard-there-")); });
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  if (cluster) for (const name of await cluster.jobs()) await cluster.stop(name);
  rmSync(there, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}, 60_000);

function using(context: TestContext, { asks = {} as Partial<RayEngine>, ...options }: HandedOptions & { asks?: Partial<RayEngine> } = {}): { ray: RayCluster; mine: Mirrors } {
  if (!cluster) return context.skip(`There is no Ray to test with: ${unavailable}`) as never;
  const mine = handedRuns(there, cluster.environment, RayEngine.parse({ kind: "ray", address: cluster.address, ...asks }), options);
  open.push(mine);
  return { ray: cluster, mine };
}

const nameOf = (id: string): string => jobOf(there, id, "ray");

test("a run is submitted, trains in its job and ends; its log is what the job printed", async (context) => {
  const { ray, mine } = using(context, { seconds: 0.01, asks: { cpus: 1 } });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "completed" && mine.status(id).step === 100, 60_000);
  expect(mine.remotes.of(id)!.file).toMatchObject({ directory: join(runsOn(there), id), launch: { state: "started" } });
  expect(nameOf(id)).toMatch(new RegExp(`^switchyard-${id}-[0-9a-f]{8}$`));
  await until(async () => (await ray.job(nameOf(id)))!.status === "SUCCEEDED", 20_000);
  await until(() => readFileSync(join(mine.remotes.of(id)!.directory, FILES.log), "utf8").includes("arguments"));
}, 120_000);

test("a run that waits for its turn says so with Ray's words; stopped, it never begins, and what comes after it does", async (context) => {
  const { ray, mine } = using(context, { seconds: 0.01, asks: { resources: { shelf: 1 } } });
  const other = await ray.takeShelf();
  await mine.start();
  const id = mine.remotes.start(SPEC, "login"), run = mine.remotes.of(id)!;
  await until(() => messageOf(mine, id).includes("PENDING"), 60_000);
  const first = nameOf(id);
  expect(mine.status(id).status).toBe("starting");
  expect(messageOf(mine, id)).toMatch(new RegExp(`^Ray job ${first} on login waits for its turn: It may be waiting for resources .* \\(PENDING\\)\\.$`));
  await run.stop();
  await until(() => mine.status(id).status === "stopped", 40_000);
  expect(messageOf(mine, id)).toBe(`Stopped while it waited for its turn: Ray job ${first} was stopped.`);
  // Ray itself has it waiting still.
  expect((await ray.job(first))!.status).toBe("PENDING");
  run.start({ steps: 30, mesh: null }, { from: null, data: null });
  await until(() => mine.status(id).status === "starting" && messageOf(mine, id).includes("PENDING") && nameOf(id) !== first, 40_000);
  await ray.stop(other);
  await until(() => mine.status(id).status === "completed" && mine.status(id).step === 30, 60_000);
  await until(async () => ["STOPPED", "SUCCEEDED"].includes((await ray.job(first))!.status), 20_000);
  expect(readFileSync(join(runsOn(there), id, FILES.log), "utf8").match(/arguments/g)).toHaveLength(1);
}, 180_000);

test("a submission whose answer is lost, and one that is asked for often at a time, make one job", async (context) => {
  const losing = losingLaunchAnswer();
  const { ray, mine } = using(context, { wrap: losing.wrap });
  await mine.start();
  const before = (await ray.jobs()).length;
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "completed", 60_000);
  expect(losing.lost()).toBe(true);
  expect((await ray.jobs()).length).toBe(before + 1);

  const directory = join(runsOn(there), id), session = await mine.remotes.link("login").session();
  await until(async () => (await session.request("status", { directory, process: 0 })).going === 0, 20_000);
  const request = sleeping(id, RayEngine.parse({ kind: "ray", address: ray.address }));
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => session.request("launch", request)));
  expect(answers.filter(({ started }) => started)).toHaveLength(1);
  expect((await ray.jobs()).length).toBe(before + 2);
  // The job is found by its name.
  const job = forgetJob(there, id, "ray");
  await session.request("launch", request);
  expect(nameOf(id)).toBe(job);
  expect((await ray.jobs()).length).toBe(before + 2);
  await until(async () => (await ray.job(job))!.status === "RUNNING", 20_000);
  await expect(session.request("launch", { ...request, key: "f".repeat(32) })).rejects.toThrow(`Ray job ${job} of this run is there already.`);
  expect((await session.request("end", { directory, process: 0, grace: 5 }, { seconds: 90 })).left).toEqual([]);
  expect((await session.request("status", { directory, process: 0 })).state).toBe("gone");
  expect((await ray.job(job))!.status).toBe("STOPPED");
}, 180_000);

test("it stops when asked, with its end by the trainer, and a resume is another job", async (context) => {
  await resumesAsAnotherJob(using(context).mine, nameOf);
}, 120_000);

test("a trainer that does not stop when asked is told by SIGTERM through Ray; a job that somebody else stops says so with Ray's word", async (context) => {
  const { ray, mine } = using(context, { seconds: 0.2 });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login"), theirs = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).step >= 3 && mine.status(theirs).step >= 3, 60_000);
  mine.remotes.of(id)!.escalate();
  await until(() => ["stopped", "failed"].includes(mine.status(id).status), 60_000);
  await until(async () => (await ray.job(nameOf(id)))!.status === "STOPPED", 30_000);
  await ray.stop(nameOf(theirs));
  await until(() => mine.status(theirs).status === "failed", 40_000);
  expect(messageOf(mine, theirs)).toMatch(new RegExp(`^Ray job ${nameOf(theirs)} was stopped \\(STOPPED\\)\\. It had finished step \\d+; resume continues from its last checkpoint\\.$`));
}, 120_000);

test("a trainer that fails, and a job that Ray can't run, say so with Ray's message", async (context) => {
  const code = join(there, "failing", "switchyard_jax");
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, "__main__.py"), "import sys\nsys.exit('the data are gone')\n");
  const { mine } = using(context, { code });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "failed", 40_000);
  expect(messageOf(mine, id)).toBe(`Ray job ${nameOf(id)} failed (FAILED) before the trainer began: Job entrypoint command failed with exit code 1. Its last words: the data are gone`);

  const { mine: odd } = using(context, { asks: { resources: { TPU: 3 } } });
  await odd.start();
  const refused = odd.remotes.start(SPEC, "login");
  await until(() => odd.status(refused).status === "failed", 40_000);
  expect(messageOf(odd, refused)).toMatch(/^Ray job \S+ failed \(FAILED\) before the trainer began: Failed to start supervisor actor .*'TPU' was set to 3.* not a supported chip configuration/);
  expect(existsSync(join(runsOn(there), refused, FILES.process))).toBe(false);
}, 120_000);

test("a Ray that does not answer ends nothing", async (context) => {
  const { ray, mine } = using(context, { seconds: 0.2 });
  await outlivesSilence(mine, ray);
}, 120_000);

test("over ssh: a head node is checked, and what is started there trains in a job", async (context) => {
  const { ray } = using(context);
  await onLoginNode(there, ray.environment, async (application, login) => {
    const add = async (asked: Partial<RayEngine>) => {
      await application.send("hosts.add", { host: { ...login, engine: RayEngine.parse({ kind: "ray", address: ray.address, ...asked }) } });
      return (await application.send("hosts.check", { name: "login", ask: false })).check!;
    };
    const nothing = await add({ address: "http://127.0.0.1:9" });
    expect(nothing.findings).toContainEqual(expect.objectContaining({ level: "needed", message: expect.stringMatching(/^Nothing listens at http:\/\/127\.0\.0\.1:9, by which \S+ was to reach Ray\.$/), command: "ray status" }));
    const check = await add({ gpus: 1, resources: { shelf: 1 } });
    expect(check.ray).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/), nodes: 1, resources: [{ name: "CPU", total: 2, most: 2 }, { name: "shelf", total: 1, most: 1 }], problem: null });
    expect(check.findings).toContainEqual(expect.objectContaining({ level: "needed", message: "No node of Ray has 1 GPU for a run; the most is 0." }));
    await add({ cpus: 1 });
    const { runId } = await application.send("runs.start", { spec: SPEC, where: { host: "login" } });
    await until(() => statusOf(application, runId)?.status === "completed", 60_000);
    await until(async () => (await ray.job(`switchyard-${runId}-${application.remotes.of(runId)!.file.launch!.key.slice(0, 8)}`))?.status === "SUCCEEDED", 20_000);
  });
}, 180_000);

test("a Ray that begins anew has forgotten the run, which ends once its heartbeat stands still", async (context) => {
  const { ray, mine } = using(context, { seconds: 0.2 });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).step >= 3, 40_000);
  const name = nameOf(id);
  await ray.down();
  expect(mine.status(id).status).toBe("running");
  await ray.up();
  await until(() => mine.status(id).status === "failed", 120_000);
  expect(messageOf(mine, id)).toMatch(new RegExp(`^Ray job ${name} is no longer known to Ray\\. It had finished step \\d+`));
}, 240_000);
