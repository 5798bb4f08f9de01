import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryHome, until } from "../backend/fixtures/temporaryHome.ts";
import { readProcess, readExit, runDirectories } from "../backend/runs/runFiles.ts";
import { columnMapping } from "./commands/import.ts";

const main = join(import.meta.dirname, "main.ts");

test("import says in one sentence what it can't do, and goes on with what it has", () => {
  const home = temporaryHome(), log = join(home.directory, "log.csv");
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, "import", ...words, "--home", home.directory, "--json"], { encoding: "utf8" });
    return { code: status, document: JSON.parse(stdout), stderr };
  };
  writeFileSync(log, "step,loss\n1,5\n2,");
  expect(run(log, "--format", "tensorbord")).toMatchObject({ code: 2, document: { error: { message: expect.stringContaining('Did you mean "tensorboard"?') } } });
  expect(run(log, "--map", "loss")).toMatchObject({ code: 2, document: { error: { message: expect.stringContaining("METRIC=COLUMN") } } });
  expect(run(join(home.directory, "nothing"))).toMatchObject({ code: 1, document: { error: { message: expect.stringContaining("There is no file or folder") } } });
  expect(run(log)).toMatchObject({ code: 0, document: [{ format: "csv", added: 1, rows: 1, step: 1, names: { loss: "loss" }, problems: [] }] });
  appendFileSync(log, "4\n");
  expect(run(log)).toMatchObject({ code: 0, document: [{ added: 1, rows: 2, step: 2 }] });
  writeFileSync(join(home.directory, "empty.csv"), "step,loss\n");
  expect(run(join(home.directory, "empty.csv"))).toEqual({
    code: 1, stderr: "", document: { error: { message: `No scalars were found in ${join(home.directory, "empty.csv")}; nothing was imported.`, detail: null, issues: [] } },
  });
  expect(readdirSync(home.runs)).toHaveLength(1);
});

test("while one process follows a log, a second import is refused", async () => {
  const home = temporaryHome(), log = join(home.directory, "log.jsonl");
  writeFileSync(log, '{"step":1,"loss":2}\n');
  const child = spawn(process.execPath, [main, "import", log, "--follow", "--home", home.directory], { stdio: "ignore" });
  try {
    const directory = () => join(home.runs, runDirectories(home.runs)[0] ?? "none");
    await until(() => readProcess(directory())?.pid === child.pid, 20_000, "the import to begin");
    const second = spawnSync(process.execPath, [main, "import", log, "--home", home.directory], { encoding: "utf8" });
    expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining("is being imported by another process") });
    child.kill("SIGINT");
    await until(() => readExit(directory()) !== null, 20_000, "its end");
    expect(readExit(directory())).toMatchObject({ reason: "stopped", step: 1 });
  } finally {
    child.kill("SIGKILL");
  }
});

test("a mapping names metrics, and the columns of step and time", () => {
  expect(columnMapping(["loss=a b,evaluation.loss=v=1", "step=tick"])).toEqual({ metrics: { loss: "a b", "evaluation.loss": "v=1" }, columns: { step: "tick" } });
  expect(() => columnMapping(["9=x"])).toThrow(/--map: "9" can't be a metric's name/);
});
