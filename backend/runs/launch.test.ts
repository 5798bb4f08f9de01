// Run directories as others see them while they are made, and the end of a run whose folder can't be written.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { RunSpec } from "../../contract/runSpec.ts";
import { Application } from "../application.ts";
import { temporaryHome, until } from "../fixtures/temporaryHome.ts";
import { writeRun } from "../fixtures/writeRun.ts";
import { createRunDirectory, UNFINISHED } from "./launch.ts";
import { readSpec, runDirectories } from "./runFiles.ts";

test("whoever looks on finds a run directory with its spec or none", async () => {
  const runs = mkdtempSync(join(tmpdir(), "switchyard-launch-"));
  const program = `
    const { createRunDirectory } = await import(${JSON.stringify(new URL("./launch.ts", import.meta.url).href)});
    const { RunSpec } = await import(${JSON.stringify(new URL("../../contract/runSpec.ts", import.meta.url).href)});
    for (let i = 0; i < 150; i++) createRunDirectory(${JSON.stringify(runs)}, RunSpec.parse({}));`;
  const maker = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit", cwd: fileURLToPath(new URL(".", import.meta.url)) });
  let ended: number | null = null;
  maker.on("exit", (code) => { ended = code; });
  const whole = new Set<string>();
  while (ended === null) {
    for (const id of runDirectories(runs)) {
      if (whole.has(id)) continue;
      expect(readSpec(join(runs, id))).not.toBeNull();
      whole.add(id);
    }
    await new Promise(setImmediate);
  }
  expect([ended, runDirectories(runs).length]).toEqual([0, 150]);
  rmSync(runs, { recursive: true });
});

test("a directory whose making was interrupted is cleared at the next start", async () => {
  const home = temporaryHome(), id = createRunDirectory(home.runs, RunSpec.parse({}));
  mkdirSync(join(home.runs, `${UNFINISHED}0199aaaa-0000-7000-8000-000000000000`, "control"), { recursive: true });
  const application = new Application({ home });
  await application.caughtUp;
  await application.close();
  expect(readdirSync(home.runs)).toEqual([id]);
});

test("a run whose end can't be written into its folder has ended all the same", async () => {
  const home = temporaryHome(), id = writeRun(home.runs, { steps: 3, exit: null, pid: 2 ** 22 - 1 });
  // A folder of that name stands in the way of the file, for root too.
  mkdirSync(join(home.runs, id, "exit.json"));
  const application = new Application({ home });
  await application.caughtUp;
  const status = async () => (await application.send("runs.get", { runId: id })).summary;
  await until(async () => (await status()).status === "failed");
  expect((await status()).statusMessage).toMatch(/process is gone.* This could not be written into the run's folder \(.+\)\./);
  await application.close();
  expect(existsSync(join(home.runs, id, "exit.json"))).toBe(true);
});
