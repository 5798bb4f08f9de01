// The Python that tests run under: pytest, and JAX with what the trainer of remote hosts needs. Once for each user and set of versions.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { acquireLock } from "./lock.mjs";
import { cacheFolder, root } from "./paths.mjs";
import { withProgress } from "./progress.mjs";
import { readStamp, writeStamp } from "./stamp.mjs";

const PYTEST = "pytest==9.0.2";
const COMPLETE = ".complete";
const requirementsFile = join(root, "remote/requirements.txt");

/** The pins, without comments. */
const requirements = () => [...readFileSync(requirementsFile, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")), PYTEST];

/** Another pin is another environment; one that a clone still uses is left alone. */
export function pythonEnvironmentFolder() {
  return join(cacheFolder(), `python-${createHash("sha256").update(requirements().join("\n")).digest("hex").slice(0, 16)}`);
}
export const pythonInterpreter = () => join(pythonEnvironmentFolder(), "bin/python3");
export const pythonEnvironmentIsThere = () => readStamp(join(pythonEnvironmentFolder(), COMPLETE)) !== undefined;

/** A Python that JAX has wheels for. */
function findPython() {
  return ["python3", "python3.13", "python3.12", "python3.11", "/usr/bin/python3"].find((python) =>
    spawnSync(python, ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"], { stdio: "ignore" }).status === 0);
}

/** @returns {Promise<string>} the interpreter */
export async function ensurePythonEnvironment() {
  if (pythonEnvironmentIsThere()) return pythonInterpreter();
  const release = await acquireLock(join(cacheFolder(), "python.lock"),
    () => process.stderr.write("▸ Waiting for another Switchyard that is installing Python packages …\n"));
  try {
    if (!pythonEnvironmentIsThere()) await install(pythonEnvironmentFolder());
    return pythonInterpreter();
  } finally {
    await release();
  }
}

/** @param {string} folder */
async function install(folder) {
  if (process.env.SWITCHYARD_OFFLINE) {
    throw new StepFailure("Python packages can't be installed", `they are not in ${folder} and SWITCHYARD_OFFLINE is set`,
      "Unset SWITCHYARD_OFFLINE and start again with a network.");
  }
  const python = findPython();
  if (!python) {
    throw new StepFailure("JAX can't be installed", "there is no Python 3.11 or later that can make an environment",
      "Install one (on Debian: sudo apt-get install -y python3 python3-venv), then start again.");
  }
  await withProgress("Installing JAX and pytest", async (progress) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(cacheFolder(), { recursive: true });
    try {
      await runCommand(python, ["-m", "venv", folder], { log: "python-environment" });
      // The whole of JAX on a CPU is about 250 MB.
      await runCommand(pythonInterpreter(), ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "5", "--timeout", "60", ...requirements()],
        { log: "python-packages", env: { ...process.env, PIP_USER: "0" }, onLine: (line) => progress.update(line.trim()) });
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      const said = error instanceof CommandError ? error.tail.filter((line) => /error|no space|denied|not found/i.test(line)).at(-1) ?? error.tail.at(-1) : undefined;
      throw new StepFailure("Python packages could not be installed", `${error instanceof Error ? error.message : String(error)}${said ? `: ${said.trim()}` : ""}`,
        "Check the network, pip's settings (pip config list) and the disk, then start again.");
    }
    writeStamp(join(folder, COMPLETE), requirements().join("\n"));
  });
}
