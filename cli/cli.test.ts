// The command line as a person uses it: one process a command.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { RoutingRow } from "../contract/handlers.ts";
import type { Home } from "../backend/home.ts";
import { temporaryHome } from "../backend/fixtures/temporaryHome.ts";
import { writeRun } from "../backend/fixtures/writeRun.ts";
import { SLOW_MILLISECONDS, timed } from "../db/slowQueries.ts";
import { withBackend } from "./backendAccess.ts";
import { editDistance, nearest, nearestField } from "./suggestion.ts";
import { applySetting, readSpecFile, specPaths } from "./specFile.ts";
import { format, size, table } from "./table.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const SERVE = fileURLToPath(new URL("../backend/serve.ts", import.meta.url));
let home: Home;
let id: string;
let other: string;
const switchyard = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "--home", home.directory, ...words], { encoding: "utf8" });
  return { code: status, out: stdout, error: stderr };
};
const json = (...words: string[]) => JSON.parse(switchyard(...words, "--json").out);

beforeAll(() => {
  home = temporaryHome();
  id = writeRun(home.runs, { id: "0199aaaa-0000-7000-8000-00000000000a", steps: 300, name: "first \u001b[31mred\u001b[0m" });
  other = writeRun(home.runs, { id: "0199aaab-0000-7000-8000-00000000000b", steps: 10, name: "second", exit: "non-finite" });
});

test.each([
  [["rnus", "list"], 'Did you mean "runs"?'], [["runs", "lst"], 'Did you mean "runs list"?'], [["runs", "list", "--jsno"], 'Did you mean "--json"?'],
  [["tarin", "x"], 'Did you mean "train"?'], [["runs", "metrics", "0199", "--nmae", "loss"], 'Did you mean "--name"?'], [["runs"], "needs one of: list"],
  [["runs", "show"], "needs ID"], [["runs", "show", "a", "b"], "one argument too many"], [["runs", "metrics", "0199", "--name"], "needs a value"],
  [["runs", "routing", "0199aaaa", "--step", "x"], "whole number"], [["runs", "export", "0199aaaa"], "Give --format"],
  [["runs", "export", "0199aaaa", "--format", "cvs"], 'Did you mean "csv"?'], [["serve", "--port", "70000"], "not a port"], [["devices", "--json=1"], "takes no value"],
  [["runs", "metrics", "0199", "--name", "--json"], "needs a value"],
])("%j is an error with a suggestion and exit code 2", (words, sentence) => {
  const { code, out, error } = switchyard(...words);
  expect(`${error}${out}`).toContain(sentence);
  if (!words.includes("--json")) expect([out, error.trim().split("\n").length]).toEqual(["", 1]);
  expect(code).toBe(2);
});

test("with --json an error is one document on standard output", () => {
  const { code, out, error } = switchyard("runs", "lst", "--json");
  expect(JSON.parse(out)).toEqual({ error: { message: expect.stringContaining("runs list"), detail: null, issues: [] } });
  expect([code, error]).toEqual([2, ""]);
});

test("help names every command, and each command its options", () => {
  const { out, code } = switchyard("--help");
  for (const name of ["train", "runs list", "runs show", "runs metrics", "runs routing", "runs stop", "runs resume", "runs delete", "runs export", "model import", "model list", "model info", "model export", "model logits", "plan", "hosts list", "hosts check", "devices", "serve", "doctor"]) expect(out).toContain(`  ${name}`);
  expect(code).toBe(0);
  for (const words of [["hosts", "--help"], ["help", "hosts"]]) {
    const { out: ofHosts, code: ofHelp } = switchyard(...words);
    expect(ofHosts).toContain("  hosts add NAME");
    expect(ofHosts).not.toContain("  runs list");
    expect(ofHelp).toBe(0);
  }
  expect(switchyard("help", "trian")).toMatchObject({ code: 2, error: expect.stringContaining('Did you mean "train"?') });
  expect(switchyard("version").out).toMatch(/^Switchyard \d+\.\d+\.\d+\n$/);
  expect(switchyard("train", "--help").out).toContain("--set PATH=VALUE");
  expect(switchyard("help", "runs", "export").out).toContain("--format csv|json");
});

test("runs are listed and shown, by the beginning of their id, without terminal escapes of a stranger", () => {
  expect(json("runs", "list").map((run: { id: string }) => run.id)).toEqual([other, id]);
  const { out } = switchyard("runs", "list");
  expect(out).toContain("first red");
  expect(out).not.toContain("\u001b");
  expect(json("runs", "show", "0199AAAA").summary).toMatchObject({ id, status: "completed", step: 300 });
  expect(json("runs", "show", "0199aaab").summary).toMatchObject({ id: other, status: "failed", exitReason: "non-finite" });
  expect(switchyard("runs", "show", "0199")).toMatchObject({ code: 1, error: expect.stringContaining("2 runs begin with") });
  expect(switchyard("runs", "show", "ff")).toMatchObject({ code: 1, error: expect.stringContaining("No run's id begins") });
});

test("metrics, routing and exports hold what was recorded", () => {
  const events = readFileSync(join(home.runs, id, "events.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  const losses = events.filter(({ kind }) => kind === "metrics").map(({ values }) => values.loss);
  expect(json("runs", "metrics", id, "--name", "loss").map(({ value }: { value: number }) => value)).toEqual(losses);
  expect(json("runs", "metrics", id).loss.min).toBe(Math.min(...losses));
  expect(switchyard("runs", "metrics", id, "--name", "los")).toMatchObject({ code: 1, error: expect.stringContaining('Did you mean "loss"?') });
  const first = RoutingRow.parse(events.find((event) => event.kind === "routing" && event.step === 100));
  expect(json("runs", "routing", id, "--step", "104")[0]).toEqual(first);
  const text = switchyard("runs", "routing", id).out;
  for (const word of ["layer", "stack", "experts", "capacity", "load", "kept", "entropy", "dropped"]) expect(text.split("\n")[0]).toContain(word);
  expect(switchyard("runs", "export", id, "--format", "csv").out.split("\r\n")).toHaveLength(302);
  expect(JSON.parse(switchyard("runs", "export", id, "--format", "json", "--what", "routing").out).routing.length).toBeGreaterThan(100);
  const file = join(home.directory, "out.csv");
  expect(json("runs", "export", id, "--format", "csv", "--output", file)).toMatchObject({ file });
  for (const [output, why] of [[home.directory, "it is a folder"], [join(home.directory, "none", "m.csv"), "there is no such folder"]])
    expect(switchyard("runs", "export", id, "--format", "csv", "--output", output!)).toMatchObject({ code: 1, error: `${output} can't be written (${why}).\n` });
  expect(readFileSync(file, "utf8")).toContain("step,tokens,seconds,loss");
});

test("delete and restore; what can't be done is exit code 1 with a sentence", () => {
  expect(switchyard("runs", "delete", "0199aaab").code).toBe(0);
  expect(json("runs", "list")).toHaveLength(1);
  expect(json("runs", "list", "--all")).toHaveLength(2);
  expect(switchyard("runs", "restore", "0199aaab").code).toBe(0);
  expect(json("runs", "list")).toHaveLength(2);
  expect(switchyard("runs", "stop", "0199aaab")).toMatchObject({ code: 1, error: expect.stringContaining("already ended") });
});

test("a spec that is wrong is said field by field, and starts nothing", () => {
  const spec = join(home.directory, "spec.json");
  writeFileSync(spec, '{"training":{"stpes":5}}');
  expect(switchyard("train", spec)).toMatchObject({ code: 1, error: expect.stringContaining('Did you mean "training.steps"?') });
  writeFileSync(spec, "{");
  expect(switchyard("train", spec)).toMatchObject({ code: 1, error: expect.stringContaining("not JSON") });
  expect(switchyard("train", join(home.directory, "nothing.json"))).toMatchObject({ code: 1, error: expect.stringContaining("no such file") });
  expect(switchyard("train", home.directory)).toMatchObject({ code: 1, error: expect.stringContaining("can't be read: it is a folder.") });
  writeFileSync(spec, '{"data":{"source":{"kind":"idx","images":"pictures","labels":"/labels"}}}');
  expect(readSpecFile(spec)).toEqual({ data: { source: { kind: "idx", images: join(home.directory, "pictures"), labels: "/labels" } } });
  writeFileSync(spec, "{}");
  expect(switchyard("prepare", spec, spec)).toMatchObject({ code: 2, error: `${spec} is a file; name a folder.\n` });
  expect(switchyard("train", spec, "--set", "model.sparse.exprts=4")).toMatchObject({ code: 2, error: expect.stringContaining('"model.sparse.experts"') });
  expect(switchyard("train", spec, "--set", "training.steps")).toMatchObject({ code: 2, error: expect.stringContaining("path=value") });
  expect(JSON.parse(switchyard("train", spec, "--set", "model.heads=many", "--json").out).error.issues).toMatchObject([{ path: "model.heads" }]);
  expect(json("runs", "list")).toHaveLength(2);
});

test("with a backend running, commands go through it", async () => {
  const child = spawn(process.execPath, [SERVE, "--home", home.directory], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  expect(json("runs", "list").map((run: { id: string }) => run.id)).toEqual([other, id]);
  expect(json("runs", "metrics", id, "--name", "loss", "--points", "20").length).toBeLessThanOrEqual(20);
  const second = spawnSync(process.execPath, [MAIN, "serve", "--home", home.directory], { encoding: "utf8" });
  expect(JSON.parse(second.stdout)).toMatchObject({ ready: true, pid: child.pid });
  child.kill("SIGTERM");
  await once(child, "exit");
  expect(existsSync(home.backend)).toBe(false);
  expect(json("runs", "list")).toHaveLength(2);
});

test("a command says nothing of slow queries, which only hold up an interface", async () => {
  const said = vi.spyOn(console, "error");
  await withBackend(temporaryHome(), async () => timed("slow", () => { for (const end = performance.now() + SLOW_MILLISECONDS + 1; performance.now() < end;); }));
  expect(said).not.toHaveBeenCalled();
  said.mockRestore();
});

describe("parts", () => {
  test("edit distance counts insertions, deletions, changes and swaps", () => {
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("tarin", "train")).toBe(1);
    expect(nearest("completely different", ["train"])).toBeNull();
  });
  test("a field in the wrong place is known by its name, where only one has it", () => {
    expect(nearestField("model.experts", specPaths())).toBe("model.sparse.experts");
    expect(nearestField("batchSize", specPaths())).toBe("training.batchSize");
    expect(nearestField("mesh.kind", specPaths())).toBeNull();
  });
  test("sizes have at most four digits and a unit that suits them", () => {
    expect([76, 916, 1000, 22_264_832, 3e9].map(size)).toEqual(["76 bytes", "916 bytes", "1 kB", "22.26 MB", "3 GB"]);
  });
  test("--set reaches every field of a spec, as JSON or else as text", () => {
    expect(specPaths()).toEqual(expect.arrayContaining(["training.steps", "model.sparse.capacityFactor.training", "training.optimizer.decayRate", "data.source.paths", "model.sparse"]));
    const spec = {};
    for (const setting of ["training.steps=500", "name=a=b", "model.sparse=null", "data.source.kind=files", 'data.source.paths=["/a"]']) applySetting(spec, setting);
    expect(spec).toEqual({ training: { steps: 500 }, name: "a=b", model: { sparse: null }, data: { source: { kind: "files", paths: ["/a"] } } });
    const adam = { training: { optimizer: { kind: "adamw", beta1: 0.8 } } };
    applySetting(adam, "training.optimizer.kind=adafactor");
    expect(adam).toEqual({ training: { optimizer: { kind: "adafactor" } } });
  });
  test("numbers have at most 4 significant digits; columns line up with wide scripts", () => {
    expect([1.23456, 1234567.8, 0.000012345, NaN, null, 12].map(format)).toEqual(["1.235", "1235000", "1.234e-5", "NaN", "–", "12"]);
    expect(table(["a", "b"], [["日本", 1], ["x", 22]]).split("\n")).toEqual(["a      b", "日本   1", "x     22"]);
  });
});
