// The Python environment of the peers: transformers on the PyTorch of the engine's libtorch, in the per-user cache.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, LIBTORCH_VERSION } from "../../scripts/bootstrap/paths.mjs";

const TRANSFORMERS = "5.23.0";
/**
 * Path of a Python that imports torch and transformers; made on first use.
 * Throws an Error whose message is one sentence where that can't be.
 */
export function peerPython(say: (line: string) => void): string {
  const environment = join(cacheFolder(), `bench-transformers-${TRANSFORMERS}`), python = join(environment, "bin/python3");
  if (works(python)) return python;
  say(`Installing transformers ${TRANSFORMERS} and torch ${LIBTORCH_VERSION} (6 GB, its CUDA packages among them) into ${environment} ...`);
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(cacheFolder(), { recursive: true });
  run("python3", ["-m", "venv", environment]);
  run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `transformers==${TRANSFORMERS}`, `torch==${LIBTORCH_VERSION}`]);
  const wrong = problem(python);
  if (wrong) throw new Error(`transformers can't be imported: ${wrong}`);
  return python;
}

const works = (python: string): boolean => existsSync(python) && problem(python) === null;

function problem(python: string): string | null {
  const { status, stderr } = spawnSync(python, ["-c", "import torch, transformers.models.switch_transformers"], { encoding: "utf8" });
  return status === 0 ? null : (stderr.trim().split("\n").at(-1) ?? "no reason given");
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(" ")} failed${error ? `: ${error.message}` : ""}; check the network and that python3-venv is there.`);
}
