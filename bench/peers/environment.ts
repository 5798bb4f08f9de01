// The Python environments of the peers, in the per-user cache: transformers on the PyTorch of the engine's libtorch, and TensorBoard.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, LIBTORCH_VERSION } from "../../scripts/bootstrap/paths.mjs";

const TRANSFORMERS = "5.23.0";
const TENSORBOARD = "2.21.0";

interface Environment {
  /** Its folder in the cache. */
  folder: string;
  packages: readonly string[];
  /** What must be importable, and what a person calls it. */
  modules: string; name: string;
  /** What is about to be fetched. */
  saying: string;
}

/**
 * Path of a Python that imports torch and transformers; made on first use.
 * Throws an Error whose message is one sentence where that can't be.
 */
export const peerPython = (say: (line: string) => void): string => pythonOf({
  folder: `bench-transformers-${TRANSFORMERS}`, packages: [`transformers==${TRANSFORMERS}`, `torch==${LIBTORCH_VERSION}`],
  modules: "torch, transformers.models.switch_transformers", name: "transformers",
  saying: `transformers ${TRANSFORMERS} and torch ${LIBTORCH_VERSION} (6 GB, its CUDA packages among them)`,
}, say);

/** The same of TensorBoard, without TensorFlow. */
export const tensorBoardPython = (say: (line: string) => void): string => pythonOf({
  folder: `bench-tensorboard-${TENSORBOARD}`, packages: [`tensorboard==${TENSORBOARD}`],
  modules: "tensorboard.backend.event_processing.event_file_loader", name: "tensorboard", saying: `tensorboard ${TENSORBOARD}`,
}, say);

function pythonOf({ folder, packages, modules, name, saying }: Environment, say: (line: string) => void): string {
  const environment = join(cacheFolder(), folder), python = join(environment, "bin/python3");
  if (existsSync(python) && problem(python, modules) === null) return python;
  say(`Installing ${saying} into ${environment} ...`);
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(cacheFolder(), { recursive: true });
  run("python3", ["-m", "venv", environment]);
  run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  const wrong = problem(python, modules);
  if (wrong) throw new Error(`${name} can't be imported: ${wrong}`);
  return python;
}

function problem(python: string, modules: string): string | null {
  const { status, stderr } = spawnSync(python, ["-c", `import ${modules}`], { encoding: "utf8" });
  return status === 0 ? null : (stderr.trim().split("\n").at(-1) ?? "no reason given");
}

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(" ")} failed${error ? `: ${error.message}` : ""}; check the network and that python3-venv is there.`);
}
