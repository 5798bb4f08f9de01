import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startBackend } from "./backend.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "switchyard-backend-"));
const options = { root, node: process.execPath, renderer: folder, home: join(folder, "home") };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("starts the backend, asks it for runs, and ends it", async () => {
  const backend = await startBackend(options);
  expect(await backend.activeRuns()).toEqual([]);
  await backend.stopAllRuns();
  await backend.stop();
  await expect(fetch(backend.origin)).rejects.toThrow();
});

test("a second window shares the backend of the first and leaves it running", async () => {
  const first = await startBackend(options);
  const second = await startBackend(options);
  expect(second.url).toBe(first.url);
  await second.stop();
  expect(await first.activeRuns()).toEqual([]);
  await first.stop();
});

test("says that the backend ended when it is killed", async () => {
  const backend = await startBackend(options);
  const { pid } = JSON.parse(readFileSync(join(options.home, "backend.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  expect(await backend.failed).toContain("SIGKILL");
});

test("fails with the backend's own words when it can't start", async () => {
  const file = join(folder, "not-a-folder");
  writeFileSync(file, "");
  await expect(startBackend({ ...options, home: file })).rejects.toThrow(`The backend could not start: The folder ${file} can't be made`);
});

test("fails when the program is not there", async () => {
  await expect(startBackend({ ...options, node: "/nowhere/node" })).rejects.toThrow("ENOENT");
});
