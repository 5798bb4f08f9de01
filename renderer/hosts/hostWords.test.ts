import { expect, test } from "vitest";
import type { HostCheck } from "../../contract/hosts.ts";
import { devicesText, linkSince, linkText, shortDevices, targetText } from "./hostWords.ts";

test.each([
  [{ status: "untried", since: null }, "not tried yet"], [{ status: "connecting", since: 990 }, "connecting"], [{ status: "connected", since: 10 }, "connected"],
  [{ status: "unreachable", since: 980 }, "unreachable"], [{ status: "unreachable", since: 1005 }, "unreachable"], [{ status: "unreachable", since: 1000 - 7500 }, "unreachable for 2 h 05 min"],
  [{ status: "unreachable", since: 1000 - 3 * 86_400 }, "unreachable for 3 days"], [{ status: "idle", since: 10 }, "not connected"],
] as const)("a link that is %j reads %s", (state, text) => {
  expect(linkText({ ...state, failure: null }, 1000)).toBe(text);
});

test("since when is a time of today, or a day with its time", () => {
  const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime() / 1000, now = at(2026, 4, 3, 18, 0);
  const read = (status: "connected" | "unreachable" | "idle" | "untried", since: number | null) => linkSince({ status, since, failure: null }, now);
  expect(read("connected", at(2026, 4, 3, 14, 5))).toBe("connected since 14:05");
  expect(read("unreachable", at(2026, 4, 1, 9, 30))).toBe("unreachable since 1 May, 09:30");
  expect(read("idle", at(2026, 4, 3, 0, 1))).toBe("not connected; it answered at 00:01");
  expect(read("untried", null)).toBe("not tried yet");
});

test("a target says what differs from ssh's own settings", () => {
  expect(targetText({ address: "tpu" })).toBe("tpu");
  expect(targetText({ address: "10.0.0.7", user: "me", port: 2222, jump: "bastion" })).toBe("me@10.0.0.7, port 2222, through bastion");
});

test("devices are those of JAX, otherwise of the machine, otherwise its cores", () => {
  const check = { cores: 8, accelerators: [{ platform: "gpu", kind: "A100", count: 2, memoryBytes: 2 ** 35 }], jax: { devices: [{ platform: "tpu", kind: "TPU v5 lite", count: 4, memoryBytes: null }] } } as unknown as HostCheck;
  expect(shortDevices(check)).toBe("4 × TPU v5 lite");
  expect(shortDevices({ ...check, jax: null })).toBe("2 × A100");
  expect(shortDevices({ ...check, jax: null, accelerators: [] })).toBe("8 cores");
  expect(devicesText(check.accelerators)).toBe("2 × A100, 32 GiB each");
  expect(shortDevices(null)).toBe("");
});
