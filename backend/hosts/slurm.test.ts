// Runs that a host hands to Slurm, on a real one: submitted once, waiting with its reason, watched, stopped, ended by Slurm, resumed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, type TestContext } from "vitest";
import { SlurmEngine } from "../../contract/engines.ts";
import { FILES } from "../../contract/runDirectory.ts";
import { forgetJob, HANDED_SPEC as SPEC, handedRuns, jobOf as handedJob, messageOf, onLoginNode, outlivesSilence, resumesAsAnotherJob, sleeping, statusOf, type HandedOptions } from "../fixtures/handedRuns.ts";
import { losingLaunchAnswer, runsOn, type Mirrors } from "../fixtures/remoteMirrors.ts";
import { SlurmCluster } from "../fixtures/slurmCluster.ts";
import { until } from "../fixtures/temporaryHome.ts";

let cluster: SlurmCluster | null = null, unavailable = "";
beforeAll(async () => {
  cluster = await SlurmCluster.start().catch((error: Error) => { unavailable = error.message; return null; });
}, 60_000);
afterAll(() => cluster?.end(), 60_000);

const open: Mirrors[] = [];
let there: string;
beforeEach(() => { there = mkdtempSync(join(tmpdir(), "switchyard-there-")); });
afterEach(async () => {
  for (const mirrors of open.splice(0)) await mirrors.close();
  if (cluster) for (const [job, state] of Object.entries(cluster.jobs())) if (["PENDING", "RUNNING"].includes(state)) cluster.run("scancel", job);
  if (cluster) await until(() => Object.values(cluster!.jobs()).every((state) => !["PENDING", "RUNNING", "COMPLETING"].includes(state)), 30_000);
  rmSync(there, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}, 60_000);

/** The cluster, and the backend of a person whose host "login" hands runs to it. */
function using(context: TestContext, { options = [] as string[], ...more }: HandedOptions & { options?: string[] } = {}): { slurm: SlurmCluster; mine: Mirrors } {
  if (!cluster) return context.skip(`There is no Slurm to test with: ${unavailable}`) as never;
  const mine = handedRuns(there, cluster.environment, SlurmEngine.parse({ kind: "slurm", partition: "main", options }), more);
  open.push(mine);
  return { slurm: cluster, mine };
}

const jobOf = (id: string): string => handedJob(there, id, "slurm");

test("a run is submitted, trains in its job and ends; its log is the job's output", async (context) => {
  const { slurm, mine } = using(context, { seconds: 0.01 });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "completed" && mine.status(id).step === 100, 40_000);
  expect(mine.remotes.of(id)!.file).toMatchObject({ directory: join(runsOn(there), id), launch: { state: "started" } });
  await until(() => slurm.jobs()[jobOf(id)] === "COMPLETED");
  await until(() => readFileSync(join(mine.remotes.of(id)!.directory, FILES.log), "utf8").includes("arguments"));
  expect(slurm.run("squeue", "--noheader", "--states=all", `--jobs=${jobOf(id)}`, "--format=%j %P")).toMatch(new RegExp(`^switchyard-${id}-[0-9a-f]{8} main`));
}, 90_000);

test("a run that waits for its turn says so with Slurm's reason, and is cancelled before it begins", async (context) => {
  const { slurm, mine } = using(context, { options: ["--begin=now+1hour"] });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login"), run = mine.remotes.of(id)!;
  await until(() => messageOf(mine, id).includes("PENDING"), 40_000);
  expect(mine.status(id).status).toBe("starting");
  expect(messageOf(mine, id)).toMatch(new RegExp(`^Slurm job ${jobOf(id)} on login waits for its turn: BeginTime \\(PENDING\\)\\.$`));
  await run.stop();
  await until(() => mine.status(id).status === "stopped", 40_000);
  const first = jobOf(id);
  expect(messageOf(mine, id)).toBe(`Stopped while it waited for its turn: Slurm job ${first} was cancelled.`);
  expect(slurm.jobs()[first]).toBe("CANCELLED");
  // The end of what never began is not that of what is asked for next.
  run.start({ steps: null, mesh: null }, { from: null, data: null });
  await until(() => mine.status(id).status === "starting" && messageOf(mine, id).includes("PENDING") && jobOf(id) !== first, 40_000);
}, 90_000);

test("a submission whose answer is lost, and one that is asked for often at a time, make one job", async (context) => {
  const losing = losingLaunchAnswer();
  const { slurm, mine } = using(context, { wrap: losing.wrap });
  await mine.start();
  const before = Object.keys(slurm.jobs()).length;
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "completed", 60_000);
  expect(losing.lost()).toBe(true);
  expect(Object.keys(slurm.jobs()).length).toBe(before + 1);
  await until(() => slurm.jobs()[jobOf(id)] === "COMPLETED", 30_000);

  const directory = join(runsOn(there), id), session = await mine.remotes.link("login").session();
  const request = sleeping(id, SlurmEngine.parse({ kind: "slurm" }));
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => session.request("launch", request)));
  expect(answers.filter(({ started }) => started)).toHaveLength(1);
  expect(Object.keys(slurm.jobs()).length).toBe(before + 2);
  // The job is found by its name.
  const job = forgetJob(there, id, "slurm");
  await session.request("launch", request);
  expect(jobOf(id)).toBe(job);
  expect(Object.keys(slurm.jobs()).length).toBe(before + 2);
  await until(async () => (await session.request("status", { directory, process: 0 })).state === "alive");
  expect((await session.request("end", { directory, process: 0, grace: 5 }, { seconds: 60 })).left).toEqual([]);
  expect((await session.request("status", { directory, process: 0 })).state).toBe("gone");
}, 120_000);

test("it stops when asked, with its end by the trainer, and a resume is another job", async (context) => {
  await resumesAsAnotherJob(using(context).mine, jobOf);
}, 120_000);

test("a trainer that does not stop when asked is told by SIGTERM through Slurm, and the job is gone", async (context) => {
  const { slurm, mine } = using(context, { seconds: 0.2 });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login"), run = mine.remotes.of(id)!;
  await until(() => mine.status(id).step >= 3, 40_000);
  run.escalate();
  await until(() => ["stopped", "failed"].includes(mine.status(id).status), 60_000);
  await until(() => !["RUNNING", "COMPLETING"].includes(slurm.jobs()[jobOf(id)]!), 30_000);
}, 120_000);

test("a job that somebody cancels, and one that loses its node, say so with Slurm's word", async (context) => {
  const { slurm, mine } = using(context, { seconds: 0.2 });
  await mine.start();
  const cancelled = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(cancelled).step >= 3, 40_000);
  slurm.run("scancel", jobOf(cancelled));
  await until(() => mine.status(cancelled).status === "failed", 40_000);
  expect(messageOf(mine, cancelled)).toMatch(new RegExp(`^Slurm job ${jobOf(cancelled)} was cancelled \\(CANCELLED\\)\\. It had finished step \\d+; resume continues from its last checkpoint\\.$`));

  const lost = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(lost).step >= 3, 40_000);
  slurm.run("scontrol", "update", `NodeName=${slurm.node}`, "State=DOWN", "Reason=test");
  try {
    await until(() => mine.status(lost).status === "failed", 40_000);
    expect(messageOf(mine, lost)).toMatch(new RegExp(`^Slurm job ${jobOf(lost)} lost its node \\(NODE_FAIL\\)\\.`));
  } finally {
    await slurm.resume();
  }
}, 120_000);

test("what sbatch refuses is the run's end, and its next start begins anew", async (context) => {
  const { slurm, mine } = using(context, { options: ["--constraint=absent"] });
  await mine.start();
  const before = Object.keys(slurm.jobs()).length;
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "failed", 40_000);
  expect(messageOf(mine, id)).toMatch(/^The run was not started: sbatch on \S+ said: Batch job submission failed: Invalid feature specification$/);
  expect(existsSync(join(runsOn(there), id, "launch.json"))).toBe(false);
  expect(Object.keys(slurm.jobs()).length).toBeLessThanOrEqual(before + 1);
}, 90_000);

test("a controller that does not answer ends nothing", async (context) => {
  const { slurm, mine } = using(context, { seconds: 0.2 });
  await outlivesSilence(mine, slurm);
}, 120_000);

test("a job of two tasks runs the trainer twice, each with its number, and one coordinator", async (context) => {
  const { mine } = using(context, { seconds: 0.01, options: ["--ntasks=2"] });
  await mine.start();
  const id = mine.remotes.start(SPEC, "login");
  await until(() => mine.status(id).status === "completed", 60_000);
  const log = () => readFileSync(join(runsOn(there), id, FILES.log), "utf8");
  await until(() => log().match(/arguments/g)?.length === 2, 20_000);
  const found = [...log().matchAll(/arguments --coordinator (\S+:\d+) --processes 2 --process (\d)/g)];
  expect(found.map(([, , process]) => process).toSorted()).toEqual(["0", "1"]);
  expect(new Set(found.map(([, coordinator]) => coordinator)).size).toBe(1);
}, 90_000);

test("over ssh: a login node is checked, and what is started there trains in a job", async (context) => {
  const { slurm } = using(context);
  await onLoginNode(there, slurm.environment, async (application, login) => {
    await application.send("hosts.add", { host: { ...login, engine: { kind: "slurm", partition: "gpu", options: [] } } });
    const { check } = await application.send("hosts.check", { name: "login", ask: false });
    expect(check!.slurm).toEqual({ version: expect.stringMatching(/^\d+\.\d+/), partitions: [
      { name: "main", isDefault: true, up: true, nodes: 1, timeLimit: "infinite" }, { name: "short", isDefault: false, up: true, nodes: 1, timeLimit: "1:00:00" }] });
    expect(check!.findings).toContainEqual(expect.objectContaining({ level: "needed", message: "Slurm on login has no partition gpu.", remedy: "Name one of main, short in this host's settings." }));
    await application.send("hosts.add", { host: { ...login, engine: { kind: "slurm", partition: "short", options: [] } } });
    const { runId } = await application.send("runs.start", { spec: SPEC, where: { host: "login" } });
    await until(() => statusOf(application, runId)?.status === "completed", 60_000);
    // The trainer's end is the run's; the job's own comes a moment later.
    const name = `switchyard-${runId}-${application.remotes.of(runId)!.file.launch!.key.slice(0, 8)}`;
    await until(() => slurm.run("squeue", "--noheader", "--states=all", `--name=${name}`, "--format=%P %T").startsWith("short COMPLETED"), 20_000);
  });
}, 120_000);
