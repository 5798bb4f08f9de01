// tpus list, create, show, add, delete as a person types them, against a stand-in for gcloud on PATH.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GcloudStandIn, PLACE, queuedResource, tpuNode } from "../backend/fixtures/gcloudStandIn.ts";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import { Tpu, TpuList } from "../contract/tpus.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
/** A dozen processes, on a machine that may be busy. */
const PATIENCE = 400_000;
const home = temporaryHome();
let gcloud: GcloudStandIn, person: string;
beforeAll(() => {
  gcloud = new GcloudStandIn();
  person = mkdtempSync(join(tmpdir(), "switchyard-person-"));
  mkdirSync(join(person, ".ssh"));
  for (const [name, text] of [["id_ed25519", "private"], ["id_ed25519.pub", "ssh-ed25519 AAAAC3ada ada@laptop\n"]] as const) writeFileSync(join(person, ".ssh", name), text);
});
afterAll(() => {
  gcloud.end();
  rmSync(person, { recursive: true, force: true });
});

const environment = (more: NodeJS.ProcessEnv = {}) => ({ ...process.env, HOME: person, PATH: gcloud.path, ...more });
const words = (args: readonly string[]) => [MAIN, "--home", home.directory, ...args];
const switchyard = (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, words(args), { encoding: "utf8", env: environment(more) });
  return { code: status, out: stdout, error: stderr };
};

test("a TPU is asked for, waited for, made a cluster of, and deleted once its name was typed", async () => {
  expect(switchyard(["tpus", "list"]).out).toBe("There is no TPU in my-project, us-central2-b. Ask for one with: switchyard tpus create NAME --type v5litepod-8\n");
  const asked = switchyard(["tpus", "create", "pod", "--type", "v5litepod-16", "--spot", "--within", "6", "--user", "ada"]);
  expect(asked).toMatchObject({ code: 0, error: "", out: expect.stringMatching(/^Asked for pod: v5litepod-16, spot, in us-central2-b\. It costs money.*\nWait for it with: switchyard tpus show pod --wait --project my-project --zone us-central2-b\n/) });
  expect(gcloud.calls.at(-1)).toEqual([
    "compute", "tpus", "queued-resources", "create", "pod", "--node-id=pod", "--accelerator-type=v5litepod-16", "--runtime-version=v2-alpha-tpuv5-lite", "--spot", "--valid-until-duration=6h",
    "--metadata=ssh-keys=ada:ssh-ed25519 AAAAC3ada ada", "--async", "--project=my-project", "--zone=us-central2-b", "--format=json", "--quiet",
  ]);
  expect(switchyard(["tpus", "list"]).out).toMatch(/^TPU +state +by Google +type +tier +created +TPU VMs +hosts here\npod +waits in the queue for free chips +WAITING_FOR_RESOURCES +v5litepod-16 +spot +\d+ s ago$/m);

  const waiting = spawn(process.execPath, words(["tpus", "show", "pod", "--wait", "--every", "1", "--json"]), { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let out = "", said = "";
  waiting.stdout.on("data", (data: Buffer) => { out += String(data); });
  const ended = new Promise<number | null>((resolve) => waiting.once("close", resolve));
  await new Promise<void>((resolve) => waiting.stderr.on("data", (data: Buffer) => { said += String(data); resolve(); }));
  expect(said).toBe("pod: waits in the queue for free chips\n");
  gcloud.set({ queued: [queuedResource("pod", { state: "ACTIVE" })], nodes: [tpuNode("pod", ["34.1.2.3", "34.1.2.4"], { queuedResource: queuedResource("pod", {})["name"], metadata: { "ssh-keys": "ada:ssh-ed25519 AAAAC3ada ada" } })] });
  expect(await ended).toBe(0);
  expect(Tpu.parse(JSON.parse(out))).toMatchObject({ name: "pod", phase: "ready", nodes: [{ workers: [{ external: "34.1.2.3" }, { external: "34.1.2.4" }] }] });

  expect(switchyard(["tpus", "show", "pod"]).out).toMatch(/\n1 +10\.164\.0\.3 +34\.1\.2\.4\nMake hosts of it with: switchyard tpus add pod --project my-project --zone us-central2-b\n$/);
  expect(switchyard(["tpus", "add", "pod"]).out).toBe("pod is the cluster pod of 2 hosts. Look at it with: switchyard hosts check pod\n");
  expect(switchyard(["hosts", "list"]).out).toMatch(/pod-0 +not tried +ada@34\.1\.2\.3 +added\npod-1 .*\n\ncluster +workers\npod +pod-0 pod-1/);
  expect(switchyard(["tpus", "show", "pod"]).out).toBe("pod: ready (ACTIVE)\nqueued resource, v5litepod-16, v2-alpha-tpuv5-lite, on-demand\n\npod: READY, here pod\nworker  internal    external\n0       10.164.0.2  34.1.2.3\n1       10.164.0.3  34.1.2.4\n");

  expect(switchyard(["tpus", "delete", "pod"])).toMatchObject({ code: 2, error: "Nobody can be asked here whether pod is to be deleted; with --yes it is.\n" });
  expect(await onTerminal(["tpus", "delete", "pod"], "no")).toMatchObject({ code: 1, screen: expect.stringContaining("pod was left as it is.") });
  expect(gcloud.calls.some((call) => call.includes("delete"))).toBe(false);
  expect(await onTerminal(["tpus", "delete", "pod"], "pod")).toMatchObject({ code: 0, screen: expect.stringContaining("Google Cloud deletes pod") });
  expect(TpuList.parse(JSON.parse(switchyard(["tpus", "list", "--json"]).out)).tpus[0]).toMatchObject({ phase: "leaving", state: "DELETING" });
}, PATIENCE);

/** Types an answer where the question ends. */
function onTerminal(args: readonly string[], answer: string): Promise<{ code: number | null; screen: string }> {
  const child = spawn("script", ["-qec", [process.execPath, ...words(args)].map((word) => `'${word}'`).join(" "), "/dev/null"], { env: environment(), stdio: ["pipe", "pipe", "inherit"] });
  let screen = "", asked = false;
  child.stdout.on("data", (data: Buffer) => {
    screen += String(data);
    if (asked || !screen.includes("to delete it: ")) return;
    asked = true;
    child.stdin.write(`${answer}\r`);
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, screen })));
}

test("a request that failed ends the wait with its reason", () => {
  gcloud.set({ queued: [queuedResource("lost", { state: "FAILED", failedData: { error: { code: 8, message: "There is no more capacity" } } }, { spot: {} })], nodes: [] });
  expect(switchyard(["tpus", "show", "lost", "--wait"])).toEqual({ code: 1, error: "", out: "lost: failed: There is no more capacity (FAILED)\nqueued resource, v5litepod-16, v2-alpha-tpuv5-lite, spot\n" });
}, PATIENCE);

test("two of one name are told apart before anything is deleted", () => {
  gcloud.set({ queued: [queuedResource("twin", { state: "WAITING_FOR_RESOURCES" })], nodes: [tpuNode("twin", ["34.1.2.3"])] });
  expect(switchyard(["tpus", "delete", "twin", "--yes"])).toMatchObject({ code: 1, error: 'A queued resource and a TPU VM are called "twin"; say which with --kind queued or --kind vm.\n' });
  expect(switchyard(["tpus", "delete", "twin", "--yes", "--kind", "vm", "--json"]).code).toBe(0);
  expect(gcloud.calls.at(-1)!.slice(0, 5)).toEqual(["compute", "tpus", "tpu-vm", "delete", "twin"]);
}, PATIENCE);

test("without gcloud, or where it fails, the answer is one sentence", () => {
  const without = switchyard(["tpus", "list"], { PATH: "/nowhere" });
  expect(without).toMatchObject({ code: 1, out: "", error: expect.stringMatching(/^This machine has no gcloud program.*gcloud auth login\n$/) });
  gcloud.set({ failing: { "config list": "ERROR: (gcloud.config.list) You do not currently have an active account selected." } });
  expect(switchyard(["tpus", "list", "--json"])).toMatchObject({ code: 1, out: expect.stringContaining("gcloud is not logged in to Google Cloud") });
  // Where project and zone are said, its configuration is not asked.
  expect(switchyard(["tpus", "list", "--project", PLACE.project, "--zone", "us-east5-a"])).toMatchObject({ code: 0, out: expect.stringContaining("There is no TPU in my-project, us-east5-a.") });
  gcloud.set({ failing: {}, configuration: { core: {}, compute: {} } });
  expect(switchyard(["tpus", "list"])).toMatchObject({ code: 2, error: "gcloud is set to no project; name one with --project.\n" });
}, PATIENCE);

test.each<[string[], string]>([
  [["tpus", "create", "pod"], "--type says which TPU"], [["tpus", "create", "pod", "--type", "v5litepod-8", "--spot", "--reserved"], "leave out one of the two"], [["tpus", "create", "pod", "--type", "v9x-8"], "name it with --runtime"],
  [["tpus", "create", "pod", "--type", "v5litepod-8", "--no-ssh-key", "--user", "ada"], "goes with neither"], [["tpus", "create", "Pod", "--type", "v5litepod-8", "--project", "my-project", "--zone", "us-east5-a"], "A TPU's name has"],
  [["tpus", "add", "--", "--flags-file=x"], "A TPU's name has"], [["tpus", "list", "--project", "my-project", "--zone", "-x"], "A zone is written like"], [["tpus", "add", "pod", "--python", "-c"], "begin with a dash"], [["tpus", "delete", "pod", "--kind", "both"], "queued"],
])("%j is refused before gcloud is told anything", (args, sentence) => {
  const before = gcloud.calls.filter((call) => call[0] !== "config").length, refused = switchyard(args);
  expect(refused).toMatchObject({ code: 2, out: "", error: expect.stringContaining(sentence) });
  expect(refused.error.trim().split("\n")).toHaveLength(1);
  expect(gcloud.calls.filter((call) => call[0] !== "config")).toHaveLength(before);
}, PATIENCE);
