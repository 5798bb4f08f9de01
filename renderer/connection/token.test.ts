import { expect, test } from "vitest";
import { takeToken } from "./token.ts";

function page(hash: string, kept: Record<string, string> = {}) {
  const addresses: string[] = [];
  const storage = { getItem: (key: string) => kept[key] ?? null, setItem: (key: string, value: string) => void (kept[key] = value) } as unknown as Storage;
  const history = { state: null, replaceState: (_: unknown, __: string, address: string) => void addresses.push(address) } as unknown as History;
  return { token: takeToken({ hash, pathname: "/", search: "?run=a" } as Location, history, storage), addresses, kept };
}

test("the token leaves the address and is kept", () => {
  const { token, addresses, kept } = page("#token=abc");
  expect(token).toBe("abc");
  expect(addresses).toEqual(["/?run=a"]);
  expect(Object.values(kept)).toEqual(["abc"]);
});

test("without one in the address the kept one is used, and the address stays", () => {
  expect(page("", { "switchyard.token": "kept" })).toMatchObject({ token: "kept", addresses: [] });
  expect(page("#elsewhere").token).toBe("");
});

test("a new token replaces the kept one", () => {
  expect(page("#token=new", { "switchyard.token": "old" }).kept).toEqual({ "switchyard.token": "new" });
});
