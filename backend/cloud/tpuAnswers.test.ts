// gcloud's answers: the documented fields, odd ones, and what a hostile answer could try.
import { expect, test } from "vitest";
import { TpuList } from "../../contract/tpus.ts";
import { queuedResource, tpuNode } from "../fixtures/gcloudStandIn.ts";
import { readConfiguration, readNode, readTpus } from "./tpuAnswers.ts";

const tpus = (queued: unknown, nodes: unknown) => {
  const { problems, ...read } = readTpus(JSON.stringify(queued), JSON.stringify(nodes));
  return { ...TpuList.parse({ tpus: read.tpus, problems }), nodes: read.nodes };
};
const first = (queued: unknown, nodes: unknown = []) => tpus(queued, nodes).tpus[0]!;

test("the project, zone and account that gcloud is set to", () => {
  expect(readConfiguration('{"core": {"account": "ada@example.org", "project": "my-project"}, "compute": {"zone": "us-central2-b"}}')).toEqual({ account: "ada@example.org", project: "my-project", zone: "us-central2-b" });
  expect(readConfiguration("{}")).toEqual({ account: null, project: null, zone: null });
  expect(readConfiguration('{"core": {"project": "--flags-file=x", "account": 7}, "compute": []}')).toEqual({ account: null, project: null, zone: null });
});

test.each<[Record<string, unknown>, string, string]>([
  [{ state: "CREATING" }, "waiting", "being looked at by Google Cloud"],
  [{ state: "ACCEPTED" }, "waiting", "waits in the queue for free chips"],
  [{ state: "WAITING_FOR_RESOURCES" }, "waiting", "waits in the queue for free chips"],
  [{ state: "PROVISIONING" }, "starting", "its machines are being set up"],
  [{ state: "ACTIVE" }, "starting", "active; its machines are not listed yet"],
  [{ state: "FAILED", failedData: { error: { code: 8, message: "There is no more capacity in the zone\n  \"us-central2-b\"" } } }, "ended", 'failed: There is no more capacity in the zone "us-central2-b"'],
  [{ state: "FAILED" }, "ended", "failed: Google Cloud gives no reason"],
  [{ state: "SUSPENDED", stateInitiator: "SERVICE", suspendedData: {} }, "ended", "suspended: Google Cloud took its machines back"],
  [{ state: "SUSPENDED", stateInitiator: "USER" }, "ended", "suspended: its machines were deleted"],
  [{ state: "SUSPENDING" }, "leaving", "its machines are being taken down"],
  [{ state: "DELETING" }, "leaving", "being deleted"],
  [{ state: "SOMETHING_NEW" }, "unknown", "something new"],
])("a queued resource that is %j", (state, phase, text) => {
  expect(first([queuedResource("pod", state)])).toMatchObject({ kind: "queued", name: "pod", phase, text, accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite", createdAt: Date.parse("2026-11-28T10:00:00.123Z") / 1000 });
});

test("an active request is as ready as its TPU VM; a TPU VM without a request stands for itself", () => {
  const request = queuedResource("pod", { state: "ACTIVE" }, { spot: {} }), of = { queuedResource: request["name"] };
  const ready = tpus([request], [tpuNode("pod", ["34.1.2.3", "34.1.2.4"], of), tpuNode("single", ["34.9.9.9"], { schedulingConfig: { preemptible: true }, state: "PREEMPTED" })]);
  expect(ready.tpus.map(({ kind, name, phase, text, tier }) => [kind, name, phase, text, tier])).toEqual([["queued", "pod", "ready", "ready", "spot"], ["vm", "single", "ended", "preempted: Google Cloud took it back", "spot"]]);
  expect(ready.tpus[0]!.nodes).toEqual([{
    name: "pod", phase: "ready", state: "READY", accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite", unhealthy: null, added: null,
    workers: [{ internal: "10.164.0.2", external: "34.1.2.3" }, { internal: "10.164.0.3", external: "34.1.2.4" }],
  }]);
  expect(first([request], [tpuNode("pod", ["34.1.2.3"], { ...of, state: "CREATING" })])).toMatchObject({ phase: "starting", text: "being set up" });
  expect(first([request], [tpuNode("pod", ["34.1.2.3"], { ...of, state: "PREEMPTED" })])).toMatchObject({ phase: "ended" });
  expect(first([request], [tpuNode("pod", ["34.1.2.3"], { ...of, health: "UNHEALTHY_MAINTENANCE", healthDescription: "back at 5" })])).toMatchObject({ phase: "ready", text: "ready, but unhealthy maintenance: back at 5" });
  // Its request was not listed.
  expect(readTpus(null, JSON.stringify([tpuNode("pod", ["34.1.2.3"], of)])).tpus).toMatchObject([{ kind: "vm", name: "pod" }]);
});

test("the tier is what was asked for", () => {
  const tier = (more: Record<string, unknown>) => first([queuedResource("pod", { state: "ACCEPTED" }, more)]).tier;
  expect([tier({}), tier({ spot: {} }), tier({ bestEffort: {} }), tier({ guaranteed: {} }), tier({ guaranteed: { reserved: true } }), tier({ reservationName: "projects/p/locations/z/reservations/r" })]).toEqual(["on-demand", "spot", "spot", "on-demand", "reserved", "reserved"]);
});

test("internal addresses alone, keys of the metadata, and a type by its path", () => {
  const { node, keys, id } = readNode(JSON.stringify(tpuNode("pod", [null], { acceleratorType: "projects/p/locations/z/acceleratorTypes/v3-8", metadata: { "ssh-keys": "ada:ssh-ed25519 AAAAC3 ada\nnot a key\n-oX:ssh-rsa AAAA\nbob:ecdsa-sha2-nistp256 AAAAE2 google-ssh {\"userName\":\"bob\"}" } })));
  expect(node).toMatchObject({ accelerator: "v3-8", workers: [{ internal: "10.164.0.2", external: null }] });
  expect([id, keys]).toEqual(["4711000000000000001", [{ user: "ada", key: "ssh-ed25519 AAAAC3" }, { user: "bob", key: "ecdsa-sha2-nistp256 AAAAE2" }]]);
});

test("what is not what it should be is left out, cleaned or cut, and never an address or a name", () => {
  const hostile = "evil\u001b[2J\u202e\n\ttext ".repeat(400);
  const { tpus: list, problems } = tpus(
    [queuedResource("pod", { state: "FAILED", failedData: { error: { message: hostile } } }), { name: "projects/p/locations/z/queuedResources/--flags-file=x" }, null, 7],
    [tpuNode("one", ["-oProxyCommand=x", "34.1.2.3; rm", "::1"], { acceleratorType: hostile, state: hostile, runtimeVersion: 7, createTime: "yesterday", id: "1-oX" }), { name: 5 }],
  );
  expect(list.map(({ name }) => name).sort()).toEqual(["one", "pod"]);
  expect(problems).toEqual(["4 entries of gcloud's answer were not understood and are left out."]);
  expect(JSON.stringify(list)).not.toMatch(/\\u001b|\u202e|\\n|ProxyCommand/);
  expect(list.find(({ name }) => name === "pod")!.text.length).toBeLessThan(1100);
  expect(list.find(({ name }) => name === "one")).toMatchObject({ createdAt: null, runtime: "", phase: "unknown", nodes: [{ workers: [{ external: null }, { external: null }, { external: "::1" }] }] });
});

test.each([["<html>", "something else than JSON"], ["{}", "something else than a list"]])("%s is no list", (answer, sentence) => {
  expect(() => readTpus(answer, "[]")).toThrow(sentence);
  expect(() => readNode("[]")).toThrow("was not understood");
});
