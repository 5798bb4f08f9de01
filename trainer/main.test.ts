import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { ExitFile, ProcessFile } from "../contract/runDirectory.ts";

const run = mkdtempSync(join(tmpdir(), "switchyard-trainer-"));
afterAll(() => rmSync(run, { recursive: true }));
const json = (name: string): unknown => JSON.parse(readFileSync(join(run, name), "utf8"));
const start = (...more: string[]) => spawnSync(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url)), run, ...more], { encoding: "utf8" });

test("a wrong spec ends the attempt with a sentence; the next attempt ends a torn line and keeps --steps", () => {
  writeFileSync(join(run, "spec.json"), '{"training":{"steps":0}}');
  writeFileSync(join(run, "events.jsonl"), '{"v":1,"attempt":3,"seq":0}\n{"v":1,"att');
  expect(start("--steps", "70").status).toBe(2);
  expect(ExitFile.parse(json("exit.json"))).toMatchObject({ attempt: 4, reason: "spec-error", by: "trainer", message: expect.stringContaining("training.steps") as string });
  expect(readFileSync(join(run, "events.jsonl"), "utf8")).toMatch(/"att\n$/);
  start();
  expect(ProcessFile.parse(json("process.json"))).toMatchObject({ attempt: 5, argv: expect.arrayContaining(["--steps", "70"]) as string[] });
});
