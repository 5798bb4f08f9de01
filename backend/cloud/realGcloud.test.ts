// The real gcloud, where this machine has it, against the Cloud TPU API on loopback: its flags, its requests, its answers and its words.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { TpuAsk, TpuList } from "../../contract/tpus.ts";
import { PLACE, queuedResource, tpuNode } from "../fixtures/gcloudStandIn.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { realGcloud, TpuApi } from "../fixtures/tpuApi.ts";
import { Hosts } from "../hosts/hosts.ts";
import { Tpus } from "./tpus.ts";

/** gcloud takes a second or more to start, each time. */
const PATIENCE = 300_000;
const before = { ...process.env };
const version = realGcloud();
const real = (name: string, body: () => Promise<void>) => test(name, (context) => (version === null ? context.skip("This machine has no gcloud.") : body()), PATIENCE);
let api: TpuApi, person: string, hosts: Hosts, tpus: Tpus;
beforeAll(() => {
  person = mkdtempSync(join(tmpdir(), "switchyard-person-"));
  mkdirSync(join(person, ".ssh"));
  for (const [name, text] of [["id_ed25519", "private"], ["id_ed25519.pub", "ssh-ed25519 AAAAC3ada= ada@laptop\n"]] as const) writeFileSync(join(person, ".ssh", name), text);
});
afterAll(() => rmSync(person, { recursive: true, force: true }));
beforeEach(async () => {
  api = await TpuApi.start();
  Object.assign(process.env, api.environment);
  hosts = new Hosts(temporaryHome().directory, "/dev/null");
  tpus = new Tpus(hosts, person);
});
afterEach(async () => {
  for (const name of Object.keys(api.environment)) if (before[name] === undefined) delete process.env[name]; else process.env[name] = before[name];
  await hosts.close();
  await api.end();
});

const parent = `projects/${PLACE.project}/locations/${PLACE.zone}`;

real("what is asked for arrives as it was meant", async () => {
  expect(await tpus.defaults()).toMatchObject({ ...PLACE, account: null });
  const ask = { name: "pod", accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite" };
  await tpus.create(PLACE, TpuAsk.parse({ ...ask, tier: "spot", network: "lab", subnetwork: "lab", internal: true, withinHours: 6, login: { user: "ada", publicKeyFile: "~/.ssh/id_ed25519.pub" } }));
  expect(api.requests.at(-1)).toMatchObject({
    method: "POST", path: `/v2/${parent}/queuedResources`, query: { queuedResourceId: "pod" },
    body: {
      spot: {}, queueingPolicy: { validUntilDuration: "21600s" },
      tpu: { nodeSpec: [{ parent, nodeId: "pod", node: {
        acceleratorType: "v5litepod-16", runtimeVersion: "v2-alpha-tpuv5-lite", metadata: { "ssh-keys": "ada:ssh-ed25519 AAAAC3ada= ada" }, networkConfig: { enableExternalIps: false, network: "lab", subnetwork: "lab" },
      } }] },
    },
  });
  await tpus.create(PLACE, TpuAsk.parse({ ...ask, tier: "reserved" }));
  const { body } = api.requests.at(-1)!;
  expect(body).toMatchObject({ reservationName: expect.stringContaining(`${parent}/reservations/`), tpu: { nodeSpec: [{ node: { networkConfig: { enableExternalIps: true, network: "default" } } }] } });
  expect(body).not.toHaveProperty("spot");
});

real("its lists and descriptions are read, and hosts made of them", async () => {
  const request = queuedResource("pod", { state: "ACTIVE" }, { spot: {} });
  api.queued = [request, queuedResource("lost", { state: "FAILED", failedData: { error: { code: 8, message: "There is no more capacity" } } })];
  api.nodes = [tpuNode("pod", ["34.1.2.3", "34.1.2.4"], { queuedResource: request["name"], metadata: { "ssh-keys": "ada:ssh-ed25519 AAAAC3ada= ada" } })];
  const list = TpuList.parse(await tpus.list(PLACE));
  expect(list.problems).toEqual([]);
  expect(list.tpus).toMatchObject([
    { kind: "queued", name: "pod", phase: "ready", tier: "spot", accelerator: "v5litepod-16", nodes: [{ workers: [{ internal: "10.164.0.2", external: "34.1.2.3" }, { internal: "10.164.0.3", external: "34.1.2.4" }] }] },
    { kind: "queued", name: "lost", phase: "ended", text: "failed: There is no more capacity" },
  ]);
  expect(await tpus.add(PLACE, "pod", {})).toEqual({ name: "pod", hosts: ["pod-0", "pod-1"] });
  expect(hosts.host("pod-1").target).toEqual({ address: "34.1.2.4", user: "ada", identityFile: "~/.ssh/id_ed25519", hostKeyAlias: "tpu.4711000000000000001-1" });
});

real("a queued resource is deleted with its machines, a TPU VM by itself, without a question", async () => {
  api.queued = [queuedResource("pod", { state: "WAITING_FOR_RESOURCES" })];
  api.nodes = [tpuNode("single", ["34.1.2.3"])];
  await tpus.delete(PLACE, "queued", "pod");
  expect(api.requests.at(-1)).toMatchObject({ method: "DELETE", path: `/v2/${parent}/queuedResources/pod`, query: { force: expect.stringMatching(/^true$/i) } });
  await tpus.delete(PLACE, "vm", "single");
  expect(api.requests.at(-1)).toMatchObject({ method: "DELETE", path: `/v2/${parent}/nodes/single` });
});

real("its words for what went wrong become sentences", async () => {
  await expect(tpus.delete(PLACE, "vm", "none")).rejects.toThrow("Google Cloud has nothing of this name there: ");
  const refusals: [NonNullable<TpuApi["failing"]>, string][] = [
    [{ code: 403, status: "PERMISSION_DENIED", message: "Permission 'tpu.nodes.list' denied on 'projects/my-project'" }, "Google Cloud refused it: "],
    [{ code: 403, status: "PERMISSION_DENIED", message: "Cloud TPU API has not been used in project my-project before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/tpu.googleapis.com/overview?project=my-project then retry.",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "SERVICE_DISABLED", domain: "googleapis.com", metadata: { consumer: "projects/my-project", service: "tpu.googleapis.com" } }] }, "The Cloud TPU API is switched off in the project my-project. In a terminal: gcloud services enable tpu.googleapis.com --project=my-project"],
    [{ code: 429, status: "RESOURCE_EXHAUSTED", message: "Quota limit 'TPUV5sLitepodPerProjectPerZoneForTPUAPI' has been exceeded. Limit: 0 in zone us-central2-b." }, "Google Cloud has no quota or no capacity for it: "],
    [{ code: 400, status: "INVALID_ARGUMENT", message: "Accelerator type v5litepod-17 is not valid" }, "Google Cloud does not take it like that: Accelerator type v5litepod-17 is not valid"],
    [{ code: 500, status: "INTERNAL", message: "an internal error has occurred" }, "Google Cloud failed: an internal error has occurred. Try again in a minute."],
    [{ code: 409, status: "ALREADY_EXISTS", message: `Resource '${parent}/queuedResources/pod' already exists` }, "Something of this name is there already: "],
  ];
  for (const [failing, sentence] of refusals) {
    api.failing = failing;
    const error = await tpus.create(PLACE, TpuAsk.parse({ name: "pod", accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite" })).then(() => null, (thrown: Error) => thrown);
    expect(error?.message).toContain(sentence);
    expect(error?.message).not.toContain("\n");
  }
  // As nobody, which is what it takes without the one switch that lets tests do without a login.
  delete process.env["CLOUDSDK_AUTH_DISABLE_CREDENTIALS"];
  await expect(tpus.list(PLACE)).rejects.toThrow("gcloud is not logged in to Google Cloud, or its login has run out. In a terminal: gcloud auth login");
});
