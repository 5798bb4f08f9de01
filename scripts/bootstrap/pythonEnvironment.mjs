// The Pythons that tests run under, each installed once for each user and set of versions: one with pytest, and JAX with what the trainer of remote
// hosts needs; one with Ray, to which hosts hand runs, and one with moto, which answers as S3 does, apart from it, since all pin what they share.
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

/**
 * @typedef {object} Environment
 * @property {string} name of its folder
 * @property {string} title of what it brings
 * @property {() => string[]} requirements pins, for pip
 */

/** The whole of JAX on a CPU is about 250 MB. @type {Environment} */
const TRAINER = { name: "python", title: "JAX and pytest", requirements: () => [...readFileSync(requirementsFile, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#")), PYTEST] };
/** About 100 MB to fetch, 390 MB unpacked. @type {Environment} */
const RAY = { name: "ray", title: "Ray", requirements: () => ["ray[default]==2.60.0"] };

/** About 33 MB to fetch, 140 MB unpacked: its extra for servers would bring all of AWS. @type {Environment} */
const MOTO = { name: "moto", title: "moto", requirements: () => ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"] };

/** Another pin is another environment; one that a clone still uses is left alone. @param {Environment} environment */
const folderOf = ({ name, requirements }) => join(cacheFolder(), `${name}-${createHash("sha256").update(requirements().join("\n")).digest("hex").slice(0, 16)}`);
/** @param {string} folder */
const interpreterIn = (folder) => join(folder, "bin/python3");
/** @param {string} folder */
const isWhole = (folder) => readStamp(join(folder, COMPLETE)) !== undefined;

export const pythonEnvironmentFolder = () => folderOf(TRAINER);

/** A Python that JAX has wheels for. */
function findPython() {
  return ["python3", "python3.13", "python3.12", "python3.11", "/usr/bin/python3"].find((python) =>
    spawnSync(python, ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"], { stdio: "ignore" }).status === 0);
}

/** @returns {Promise<string>} the interpreter with JAX */
export const ensurePythonEnvironment = () => ensure(TRAINER);
/** @returns {Promise<string>} the interpreter with Ray */
export const ensureRayEnvironment = () => ensure(RAY);
/** @returns {Promise<string>} the interpreter with moto */
export const ensureMotoEnvironment = () => ensure(MOTO);

/** @param {Environment} environment */
async function ensure(environment) {
  const folder = folderOf(environment);
  if (isWhole(folder)) return interpreterIn(folder);
  const release = await acquireLock(join(cacheFolder(), `${environment.name}.lock`),
    () => process.stderr.write("▸ Waiting for another Switchyard that is installing Python packages …\n"));
  try {
    if (!isWhole(folder)) await install(folder, environment);
    return interpreterIn(folder);
  } finally {
    await release();
  }
}

/** @param {string} folder @param {Environment} environment */
async function install(folder, { name, title, requirements }) {
  if (process.env.SWITCHYARD_OFFLINE) {
    throw new StepFailure("Python packages can't be installed", `they are not in ${folder} and SWITCHYARD_OFFLINE is set`,
      "Unset SWITCHYARD_OFFLINE and start again with a network.");
  }
  const python = findPython();
  if (!python) {
    throw new StepFailure(`${title} can't be installed`, "there is no Python 3.11 or later that can make an environment",
      "Install one (on Debian: sudo apt-get install -y python3 python3-venv), then start again.");
  }
  await withProgress(`Installing ${title}`, async (progress) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(cacheFolder(), { recursive: true });
    try {
      await runCommand(python, ["-m", "venv", folder], { log: `${name}-environment` });
      await runCommand(interpreterIn(folder), ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "5", "--timeout", "60", ...requirements()],
        { log: `${name}-packages`, env: { ...process.env, PIP_USER: "0" }, onLine: (line) => progress.update(line.trim()) });
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      const said = error instanceof CommandError ? error.tail.filter((line) => /error|no space|denied|not found/i.test(line)).at(-1) ?? error.tail.at(-1) : undefined;
      throw new StepFailure("Python packages could not be installed", `${error instanceof Error ? error.message : String(error)}${said ? `: ${said.trim()}` : ""}`,
        "Check the network, pip's settings (pip config list) and the disk, then start again.");
    }
    writeStamp(join(folder, COMPLETE), requirements().join("\n"));
  });
}
