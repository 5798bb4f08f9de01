// From asking for a TPU to its hosts and its end, with the real hosts of a home and a stand-in for gcloud.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Host } from "../../contract/hosts.ts";
import { TpuAsk, TpuHostOptions } from "../../contract/tpus.ts";
import { GcloudStandIn, PLACE, queuedResource, tpuNode } from "../fixtures/gcloudStandIn.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { Hosts } from "../hosts/hosts.ts";
import { sshArguments } from "../hosts/ssh.ts";
import { Tpus } from "./tpus.ts";

const path = process.env["PATH"];
let gcloud: GcloudStandIn, person: string, hosts: Hosts, tpus: Tpus;
beforeEach(() => {
  gcloud = new GcloudStandIn();
  process.env["PATH"] = gcloud.path;
  person = mkdtempSync(join(tmpdir(), "switchyard-person-"));
  mkdirSync(join(person, ".ssh"));
  writeFileSync(join(person, "ssh_config"), "Host mine\n");
  for (const [name, text] of [["id_ed25519", "private"], ["id_ed25519.pub", "ssh-ed25519 AAAAC3ada ada@laptop\n"]] as const) writeFileSync(join(person, ".ssh", name), text);
  hosts = new Hosts(temporaryHome().directory, join(person, "ssh_config"));
  tpus = new Tpus(hosts, person);
});
afterEach(async () => {
  process.env["PATH"] = path;
  await hosts.close();
  gcloud.end();
  rmSync(person, { recursive: true, force: true });
});

const add = (node: string, options: unknown = {}) => tpus.add(PLACE, node, TpuHostOptions.parse(options));
const READY = { metadata: { "ssh-keys": "ada:ssh-ed25519 AAAAC3ada ada" } };
const list = async () => (await tpus.list(PLACE)).tpus.map(({ kind, name, phase, nodes }) => [kind, name, phase, nodes.map(({ added }) => added)]);

test("asked for, waited for, made a cluster of, brought up to date, deleted", async () => {
  expect(await tpus.defaults()).toMatchObject({ ...PLACE, account: "ada@example.org", publicKeyFile: "~/.ssh/id_ed25519.pub" });
  await tpus.create(PLACE, TpuAsk.parse({ name: "pod", accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite", tier: "spot", login: { user: "ada", publicKeyFile: "~/.ssh/id_ed25519.pub" } }));
  expect(gcloud.calls.at(-1)).toContain("--metadata=ssh-keys=ada:ssh-ed25519 AAAAC3ada ada");
  expect(await list()).toEqual([["queued", "pod", "waiting", []]]);
  await expect(add("pod")).rejects.toThrow("nothing of this name");

  const of = { queuedResource: gcloud.project.queued[0]!["name"], ...READY };
  gcloud.set({ queued: [queuedResource("pod", { state: "ACTIVE" })], nodes: [tpuNode("pod", ["34.1.2.3", "34.1.2.4"], { ...of, state: "CREATING" })] });
  await expect(add("pod")).rejects.toThrow("pod is not ready (CREATING)");
  gcloud.set({ nodes: [tpuNode("pod", ["34.1.2.3", "34.1.2.4"], of)] });
  expect(await add("pod")).toEqual({ name: "pod", hosts: ["pod-0", "pod-1"] });
  expect(hosts.state().clusters).toEqual([{ name: "pod", workers: ["pod-0", "pod-1"] }]);
  expect(hosts.host("pod-1")).toEqual({
    name: "pod-1", python: "~/switchyard-jax/bin/python", runs: "~/.local/share/switchyard/runs", tpu: { ...PLACE, node: "pod", worker: 1 },
    target: { address: "34.1.2.4", user: "ada", identityFile: "~/.ssh/id_ed25519", hostKeyAlias: "tpu.4711000000000000001-1" },
  });
  // Its key is known by the machine's own number: addresses go from one TPU to the next.
  expect(sshArguments(hosts.host("pod-1").target, "true", { controlFolder: null, configFile: null }).join(" ")).toContain("-o HostKeyAlias=tpu.4711000000000000001-1 -- 34.1.2.4 true");
  expect(await list()).toEqual([["queued", "pod", "ready", [{ name: "pod", current: true }]]]);

  // A new machine of the same name: what a person changed about the hosts stays.
  await hosts.save(Host.parse({ ...hosts.host("pod-0"), python: "~/mine/bin/python" }));
  gcloud.set({ nodes: [tpuNode("pod", ["35.0.0.1", "35.0.0.2"], { ...of, id: "99" })] });
  expect(await list()).toEqual([["queued", "pod", "ready", [{ name: "pod", current: false }]]]);
  await add("pod");
  expect(hosts.host("pod-0")).toMatchObject({ python: "~/mine/bin/python", target: { address: "35.0.0.1", user: "ada", hostKeyAlias: "tpu.99-0" } });

  await tpus.delete(PLACE, "queued", "pod");
  expect(gcloud.calls.at(-1)).toEqual(expect.arrayContaining(["delete", "pod", "--force", "--async"]));
  expect((await list())[0]).toEqual(["queued", "pod", "leaving", [{ name: "pod", current: true }]]);
  expect(hosts.state().hosts.map(({ name }) => name)).toContain("pod-0");
});

test("one worker is one host; nobody's place is taken", async () => {
  gcloud.set({ nodes: [tpuNode("mine", ["34.1.2.3"], READY), tpuNode("two", ["34.1.2.5", "34.1.2.6"])] });
  await expect(add("mine")).rejects.toThrow('A host is called "mine" already');
  expect(await add("mine", { as: "v5e" })).toEqual({ name: "v5e", hosts: ["v5e"] });
  await expect(add("two", { as: "v5e" })).rejects.toThrow('A host is called "v5e" already');
  await hosts.save(Host.parse({ name: "two-1", target: { address: "10.0.0.1" } }));
  await expect(add("two")).rejects.toThrow('A host is called "two-1" already');
  expect(hosts.state().hosts.map(({ name }) => name)).toEqual(["two-1", "v5e", "mine"]);
  hosts.saveCluster({ name: "trio", workers: ["v5e", "mine"] });
  await expect(add("two", { as: "trio" })).rejects.toThrow('A cluster is called "trio" already');
  await expect(add("mine", { as: "trio" })).rejects.toThrow('A cluster is called "trio" already');
  await expect(add("two", { as: "x".repeat(64) })).rejects.toThrow("too long for a host's name");
  // Under the name that it has here, it is found again.
  expect(await add("mine")).toEqual({ name: "v5e", hosts: ["v5e"] });
  // No project of this place has it.
  await expect(tpus.add({ ...PLACE, zone: "us-east5-a" }, "mine", {})).rejects.toThrow("nothing of this name");
});

test("without addresses of the internet, the internal ones are a choice", async () => {
  gcloud.set({ nodes: [tpuNode("inside", [null, null], READY)] });
  await expect(add("inside")).rejects.toThrow("inside has no address of the internet. From a machine of its network, or through a jump host there");
  await add("inside", { jump: "bastion" });
  expect(hosts.host("inside-0").target).toMatchObject({ address: "10.164.0.2", jump: "bastion" });
  gcloud.set({ nodes: [tpuNode("inside", [null, null], { id: "100" })] });
  await add("inside");
  expect(hosts.host("inside-1").target).toMatchObject({ address: "10.164.0.3", jump: "bastion", hostKeyAlias: "tpu.100-1" });
  gcloud.set({ nodes: [tpuNode("both", ["34.1.2.3"])] });
  await add("both", { internal: true });
  expect(hosts.host("both").target.address).toBe("10.164.0.2");
});

test("one list that can't be had is a problem, both are a failure", async () => {
  gcloud.set({ nodes: [tpuNode("pod", ["34.1.2.3"])], failing: { "compute tpus queued-resources": "ERROR: (gcloud.compute.tpus) Invalid choice: 'queued-resources'." } });
  expect(await tpus.list(PLACE)).toMatchObject({ tpus: [{ kind: "vm", name: "pod" }], problems: ["This gcloud is too old to know queued resources. In a terminal: gcloud components update"] });
  gcloud.set({ failing: { compute: "ERROR: (gcloud.x) PERMISSION_DENIED: Permission 'tpu.nodes.list' denied" } });
  await expect(tpus.list(PLACE)).rejects.toThrow("Google Cloud refused it");
});

test("those who look at the same time share one look; it can be called off, an order can't", async () => {
  gcloud.set({ milliseconds: 60_000 });
  const looks = [tpus.list(PLACE), tpus.list(PLACE)].map((look) => look.catch((error: Error) => error.message));
  await until(() => gcloud.calls.length === 2);
  tpus.cancel();
  expect(await Promise.all(looks)).toEqual(Array(2).fill("gcloud was ended before it answered."));
  expect(gcloud.calls).toHaveLength(2);
  gcloud.set({ milliseconds: 200, nodes: [tpuNode("pod", ["34.1.2.3"])] });
  const order = tpus.delete(PLACE, "vm", "pod");
  await until(() => gcloud.calls.length === 3);
  tpus.cancel();
  await order;
  expect((await tpus.list(PLACE)).tpus).toMatchObject([{ phase: "leaving" }]);
});

test("the hosts it made are kept in hosts.json as others are", async () => {
  gcloud.set({ nodes: [tpuNode("pod", ["34.1.2.3"], READY)] });
  const home = temporaryHome().directory, first = new Hosts(home, join(person, "ssh_config"));
  await new Tpus(first, person).add(PLACE, "pod", {});
  await first.close();
  const again = new Hosts(home, join(person, "ssh_config"));
  expect(again.state()).toMatchObject({ problems: [], hosts: expect.arrayContaining([expect.objectContaining({ name: "pod", tpu: { ...PLACE, node: "pod", worker: 0 } })]) });
  expect(readFileSync(join(home, "hosts.json"), "utf8")).toContain('"hostKeyAlias": "tpu.4711000000000000001-0"');
  await again.close();
});
