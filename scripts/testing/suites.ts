// The suites of `npm test`, in the order of their cost. Each runs one program and says how many of its tests passed.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { StepFailure } from "../bootstrap/failure.mjs";
import { ensureRunTimeCompiler } from "../bootstrap/libtorch.mjs";
import { root } from "../bootstrap/paths.mjs";
import { ensureMotoEnvironment, ensurePythonEnvironment } from "../bootstrap/pythonEnvironment.mjs";
import { filesBelow } from "../bootstrap/stamp.mjs";
import { findViolations } from "./boundaries.ts";
import { type Counts, junitCounts, playwrightCounts, vitestCounts } from "./counts.ts";

export interface Suite { name: string; about: string; run(): Promise<Counts> }

const reports = join(root, "build/reports");
const passed: Counts = { passed: 1, failed: 0, skipped: 0 };
const failed: Counts = { passed: 0, failed: 1, skipped: 0 };

/** Runs a program with its output on this terminal. @returns its exit code */
function run(program: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...environment } });
    child.on("error", (error) => {
      process.stdout.write(`${program} can't be started: ${error.message}\n`);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** A program of node_modules, under the Node that runs this. */
function runTool(script: string, args: string[], environment?: NodeJS.ProcessEnv): Promise<number> {
  return run(process.execPath, [join(root, "node_modules", script), ...args], environment);
}

/** Counts from a report, and a failure more when the runner failed without saying which test did. */
async function counted(report: string, read: (text: string) => Counts, start: (report: string) => Promise<number>): Promise<Counts> {
  mkdirSync(reports, { recursive: true });
  const path = join(reports, report);
  rmSync(path, { force: true });
  const code = await start(path);
  if (!existsSync(path)) {
    process.stdout.write(`The runner ended with exit code ${code} and left no report.\n`);
    return failed;
  }
  const counts = read(readFileSync(path, "utf8"));
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

async function types(): Promise<Counts> {
  const codes: number[] = [];
  for (const project of ["tsconfig.node.json", "tsconfig.renderer.json", "tsconfig.e2e.json"]) {
    codes.push(await runTool("typescript/bin/tsc", ["--project", project, "--pretty"]));
  }
  return codes.every((code) => code === 0) ? passed : failed;
}

async function lint(): Promise<Counts> {
  const code = await runTool("oxlint/bin/oxlint", ["--deny-warnings"]);
  const violations = findViolations(root);
  for (const { file, line, message } of violations) process.stdout.write(`${file}:${line}: ${message}\n`);
  return code === 0 && violations.length === 0 ? passed : failed;
}

function unit(): Promise<Counts> {
  return counted("vitest.json", vitestCounts, (path) =>
    runTool("vitest/vitest.mjs", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${path}`]));
}

async function native(): Promise<Counts> {
  try {
    await ensureRunTimeCompiler();
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    process.stdout.write(`${error.what}: ${error.why}.\nSo the kernels are not compiled for GPUs in this run.\n`);
  }
  return counted("ctest.xml", junitCounts, (path) =>
    run("ctest", ["--test-dir", join(root, "build/native"), "--output-on-failure", "--output-junit", path, "--no-tests=error"]));
}

async function python(): Promise<Counts> {
  const tests = filesBelow(root, ["contract", "scripts", "remote"]).filter((file) => /(^|\/)test_[^/]*\.py$/.test(file));
  let interpreter: string;
  try {
    interpreter = await ensurePythonEnvironment();
    await ensureMotoEnvironment();  // which tests start: they would not wait for its packages
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    process.stdout.write(`${error.what}: ${error.why}.\n${error.remedy}\n`);
    return failed;
  }
  return counted("pytest.xml", junitCounts, (path) => run(interpreter, ["-m", "pytest", "-q", `--junitxml=${path}`, ...tests], { PYTHONPATH: join(root, "remote") }));
}

async function e2e(): Promise<Counts> {
  if (filesBelow(root, ["e2e"]).every((file) => !file.endsWith(".spec.ts"))) {
    process.stdout.write("There are no end-to-end tests.\n");
    return failed;
  }
  return counted("playwright.json", playwrightCounts, (path) =>
    runTool("@playwright/test/cli.js", ["test", "--reporter=list,json"], { PLAYWRIGHT_JSON_OUTPUT_FILE: path }));
}

export const suites: readonly Suite[] = [
  { name: "types", about: "type check", run: types },
  { name: "lint", about: "lint and boundaries between folders", run: lint },
  { name: "unit", about: "unit tests", run: unit },
  { name: "native", about: "C++ tests of the engine", run: native },
  { name: "python", about: "Python tests", run: python },
  { name: "e2e", about: "the whole product in Chromium", run: e2e },
];
