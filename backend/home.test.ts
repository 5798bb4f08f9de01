// Homes that can't be: the backend ends at once and says why.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { createHome, homeAt } from "./home.ts";

const folder = mkdtempSync(join(tmpdir(), "switchyard-home-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "file");
writeFileSync(file, "");

test.each([["serve.ts", []], ["../cli/main.ts", ["serve"]], ["../cli/main.ts", ["runs", "list"]]])("%s %j ends at once with one sentence", (program, words) => {
  for (const [home, why] of [["/proc/nowhere", "allows no folder"], ["/proc/nowhere/deeper", "allows no folder"], ["/proc", "permission denied|allows no folder|read-only"], [join(file, "inside"), "is a file"]] as const) {
    const { status, stdout, stderr, error } = spawnSync(process.execPath, [fileURLToPath(new URL(program, import.meta.url)), ...words, "--home", home], { encoding: "utf8", timeout: 5000 });
    expect(error).toBeUndefined();
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(new RegExp(`^The folder ${home} can't be made or written \\(.*(${why}).*\\); choose another with --home\\.\\n$`));
  }
});

test("a home is made with the parents it lacks, closed to others", () => {
  const home = homeAt(join(folder, "a/b/c"));
  createHome(home);
  createHome(home);
  for (const made of [join(folder, "a"), home.directory, home.runs]) expect(statSync(made).mode & 0o777).toBe(0o700);
  expect(existsSync(home.database)).toBe(false);
});

test("the one given comes before SWITCHYARD_HOME, that before the XDG folder", () => {
  vi.stubEnv("XDG_DATA_HOME", "/data");
  vi.stubEnv("SWITCHYARD_HOME", "/mine");
  expect([homeAt("/given").directory, homeAt().directory]).toEqual(["/given", "/mine"]);
  vi.stubEnv("SWITCHYARD_HOME", "");
  expect(homeAt().directory).toBe("/data/switchyard");
  vi.unstubAllEnvs();
});
