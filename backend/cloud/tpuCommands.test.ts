// What gcloud is told, word by word, as Google documents its commands.
import { expect, test } from "vitest";
import { TpuName, TpuPlace } from "../../contract/tpuPlace.ts";
import { TpuAsk, usualRuntime } from "../../contract/tpus.ts";
import { configuration, createQueued, describeVm, listQueued, listVms, remove } from "./tpuCommands.ts";

const place = TpuPlace.parse({ project: "my-project", zone: "us-central2-b" });
const AT = ["--project=my-project", "--zone=us-central2-b", "--format=json", "--quiet"];
const ASK = { name: "pod", accelerator: "v5litepod-16", runtime: "v2-alpha-tpuv5-lite" };

test("looks name project and zone, answer in JSON and ask nothing", () => {
  expect(configuration()).toEqual(["config", "list", "--format=json", "--quiet"]);
  expect(listQueued(place)).toEqual(["compute", "tpus", "queued-resources", "list", ...AT]);
  expect(listVms(place)).toEqual(["compute", "tpus", "tpu-vm", "list", ...AT]);
  expect(describeVm(place, "pod")).toEqual(["compute", "tpus", "tpu-vm", "describe", "pod", ...AT]);
});

test("a queued resource is asked for with one TPU VM of its name", () => {
  const start = ["compute", "tpus", "queued-resources", "create", "pod", "--node-id=pod", "--accelerator-type=v5litepod-16", "--runtime-version=v2-alpha-tpuv5-lite"];
  expect(createQueued(place, TpuAsk.parse(ASK), null)).toEqual([...start, "--async", ...AT]);
  expect(createQueued(place, TpuAsk.parse({ ...ASK, tier: "spot", network: "lab", subnetwork: "projects/my-project/regions/us-central2/subnetworks/lab", internal: true, withinHours: 6 }), "ada:ssh-ed25519 AAAA= ada")).toEqual([
    ...start, "--spot", "--network=lab", "--subnetwork=projects/my-project/regions/us-central2/subnetworks/lab", "--internal-ips", "--valid-until-duration=6h", "--metadata=ssh-keys=ada:ssh-ed25519 AAAA= ada", "--async", ...AT,
  ]);
  expect(createQueued(place, TpuAsk.parse({ ...ASK, tier: "reserved" }), null)).toContain("--reserved");
});

test("a queued resource is deleted with its machines, a TPU VM by itself", () => {
  expect(remove(place, "queued", "pod")).toEqual(["compute", "tpus", "queued-resources", "delete", "pod", "--force", "--async", ...AT]);
  expect(remove(place, "vm", "pod")).toEqual(["compute", "tpus", "tpu-vm", "delete", "pod", "--async", ...AT]);
});

test("what could be an option, or more than one value, is no name", () => {
  for (const name of ["--flags-file=/etc/passwd", "-x", "", "Pod", "a b", "pod-", "a,b", "a".repeat(64), "../x", "pod\n"]) expect(TpuName.safeParse(name).success, name).toBe(false);
  for (const zone of ["-z", "us", "us-central2-b --x", "US-central2-b", "us-central2-b,ssh-keys=x"]) expect(TpuPlace.safeParse({ ...place, zone }).success, zone).toBe(false);
  for (const project of ["-p", "p", "my project", "my-project,x"]) expect(TpuPlace.safeParse({ ...place, project }).success, project).toBe(false);
  for (const change of [{ accelerator: "--spot" }, { accelerator: "v5litepod" }, { runtime: "-r" }, { runtime: "a b" }, { network: "-n" }, { network: "a b" }, { withinHours: 0 }, { tier: "free" }, { login: { user: "a:b", publicKeyFile: "~/.ssh/x.pub" } }, { login: { user: "ada", publicKeyFile: "~/.ssh/id_ed25519" } }])
    expect(TpuAsk.safeParse({ ...ASK, ...change }).success, JSON.stringify(change)).toBe(false);
});

test("the usual runtime version goes by the generation", () => {
  expect(["v2-8", "v4-32", "v5litepod-8", "v5p-8", "v6e-8", "v9x-8"].map(usualRuntime)).toEqual(["tpu-ubuntu2204-base", "tpu-ubuntu2204-base", "v2-alpha-tpuv5-lite", "v2-alpha-tpuv5", "v2-alpha-tpuv6e", null]);
});
