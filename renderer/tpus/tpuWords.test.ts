import { expect, test } from "vitest";
import { Host } from "../../contract/hosts.ts";
import type { TpuNode } from "../../contract/tpus.ts";
import { isMoving, madeOf } from "./tpuWords.ts";

test("what waits, starts or leaves is looked at again", () => {
  expect((["waiting", "starting", "ready", "leaving", "ended", "unknown"] as const).filter((phase) => isMoving({ phase }))).toEqual(["waiting", "starting", "leaving"]);
});

test("what goes with a TPU: its hosts, and the clusters that have one of them", () => {
  const place = { project: "my-project", zone: "us-central2-b" }, worker = (name: string, node: string, zone = place.zone) => Host.parse({ name, target: { address: name }, tpu: { ...place, zone, node, worker: 0 } });
  const hosts = [worker("pod-0", "pod"), worker("other", "other"), worker("elsewhere", "pod", "us-east5-a"), Host.parse({ name: "box", target: { address: "box" } })];
  const clusters = [{ name: "pod", workers: ["pod-0", "pod-1"] }, { name: "mixed", workers: ["box", "pod-0"] }, { name: "boxes", workers: ["box"] }];
  expect(madeOf({ nodes: [{ name: "pod" } as TpuNode] }, place, hosts, clusters)).toEqual({ hosts: ["pod-0"], clusters: ["pod", "mixed"] });
  expect(madeOf({ nodes: [] }, place, hosts, clusters)).toEqual({ hosts: [], clusters: [] });
});
