// libtorch comes out of the PyTorch wheel: unpacked, never installed, once for each user and version.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { acquireLock } from "./lock.mjs";
import { cacheFolder, LIBTORCH_VERSION, libtorchFolder } from "./paths.mjs";
import { formatBytes, withProgress } from "./progress.mjs";
import { readStamp, writeStamp } from "./stamp.mjs";
import { findProgram, findPython } from "./systemPackages.mjs";

/**
 * The C++ libraries are the same in the wheels for all versions of Python; one of them is named here, so that every
 * installation has the same bytes whatever Python the person has. pip refuses a wheel with another hash.
 */
const BASE = {
  name: "libtorch",
  stamp: ".base-complete",
  requirements: [
    `torch==${LIBTORCH_VERSION} --hash=sha256:48c2d861134c0b5697c7602cb5ffa68f62a2989fdcd1717e593356f67996ca1e`,
    "nvidia-cuda-runtime==13.2.86 --hash=sha256:3498247680dfddce31bad102af7e3e26fc795342a3cac64722bb0fa95e7f60f0",
    "nvidia-cuda-cupti==13.2.86 --hash=sha256:8fa29f15dd8336181f961764d9d95236fc6b931dd0c8fcf8cd70aab0c310b586",
  ],
  downloadBytes: 553_449_026,
  unpackedBytes: 1_250_000_000,
};

/** What libtorch's CUDA half loads: the dependencies that the wheel names, and nothing of Python's. */
const CUDA = {
  name: "CUDA libraries",
  stamp: ".cuda-complete",
  requirements: [
    "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,cusolver,cusparse,nvjitlink,nvrtc,nvtx]==13.2.2",
    "nvidia-cudnn-cu13==9.26.0.51",
    "nvidia-cusparselt-cu13==0.8.1",
    "nvidia-nccl-cu13==2.30.7",
    "nvidia-nvshmem-cu13==3.7.2",
  ],
  downloadBytes: 2_400_000_000,
  unpackedBytes: 5_000_000_000,
};

/** Of these NVIDIA's run-time compiler alone, with which tests compile the GPUs' kernels where there is no GPU. */
const COMPILER = {
  name: "NVIDIA's run-time compiler",
  stamp: ".compiler-complete",
  requirements: ["nvidia-cuda-nvrtc==13.2.86 --hash=sha256:8111c5130e967b78222ea2124145f8efe9ce201b752b2579a2513100a53be1c5"],
  downloadBytes: 47_018_468,
  unpackedBytes: 120_000_000,
};

const PIP_TARGET = [
  "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none",
  // pip takes each platform tag literally, and wheels carry the oldest one they work on.
  ...["2014_x86_64", ...Array.from({ length: 24 }, (_, index) => `_2_${28 - index}_x86_64`)].flatMap((tag) => ["--platform", `manylinux${tag}`]),
];

/** @typedef {typeof BASE} WheelSet */

/** Whether this machine has an NVIDIA driver, and CUDA libraries can be of use. */
export function hasNvidiaDriver() {
  return existsSync("/proc/driver/nvidia/version") || findProgram("nvidia-smi") !== undefined;
}

/** Names the wheels by content, so that another pin is another installation. @param {WheelSet} wheels */
function stampValue(wheels) {
  return wheels.requirements.join("\n");
}

/** @param {WheelSet} wheels */
function isComplete(wheels) {
  return readStamp(join(libtorchFolder(), wheels.stamp)) === stampValue(wheels);
}

export function libtorchIsInstalled() {
  return isComplete(BASE);
}

export function cudaLibrariesAreInstalled() {
  return isComplete(CUDA);
}

export const ensureLibtorch = () => ensure(hasNvidiaDriver() ? [BASE, CUDA] : [BASE]);

/** What tests need beside libtorch. */
export const ensureRunTimeCompiler = () => ensure(cudaLibrariesAreInstalled() ? [] : [COMPILER]);

/** @param {WheelSet[]} wanted */
async function ensure(wanted) {
  if (wanted.every(isComplete)) return;
  const release = await acquireLock(join(cacheFolder(), "libtorch.lock"),
    () => process.stderr.write("▸ Waiting for another Switchyard that is installing libtorch …\n"));
  try {
    // Another clone may have done it while this one waited.
    for (const wheels of wanted) if (!isComplete(wheels)) await install(wheels);
  } finally {
    await release();
  }
}

/** @param {WheelSet} wheels */
async function install(wheels) {
  const { name } = wheels;
  if (process.env.SWITCHYARD_OFFLINE) {
    throw new StepFailure(`${name} can't be installed`, `it is not in ${libtorchFolder()} and SWITCHYARD_OFFLINE is set`,
      "Unset SWITCHYARD_OFFLINE and start again with a network.");
  }
  const downloads = join(cacheFolder(), "downloads", `${wheels.stamp.slice(1)}-${LIBTORCH_VERSION}`);
  const staging = join(cacheFolder(), `libtorch-${LIBTORCH_VERSION}.part`);
  mkdirSync(downloads, { recursive: true });
  await requireSpace(wheels, bytesBelow(downloads));

  await withProgress(`Downloading ${name}`, (progress) => download(wheels, downloads, progress), formatBytes);
  await withProgress(`Unpacking ${name}`, async (progress) => {
    rmSync(staging, { recursive: true, force: true });
    try {
      await runCommand(requirePython().python, [fileURLToPath(new URL("unpackWheels.py", import.meta.url)), downloads, staging],
        { log: "libtorch-unpack", onLine: (line) => progress.update(line) });
    } catch (error) {
      throw new StepFailure(`${name} could not be unpacked`, tailOf(error), "Free some disk space, then start again.");
    }
    if (wheels === BASE) {
      writeStamp(join(staging, wheels.stamp), stampValue(wheels));
      rmSync(libtorchFolder(), { recursive: true, force: true });
      renameSync(staging, libtorchFolder());
    } else {
      moveInto(staging, libtorchFolder());
      rmSync(staging, { recursive: true, force: true });
      writeStamp(join(libtorchFolder(), wheels.stamp), stampValue(wheels));
    }
  });
  rmSync(downloads, { recursive: true, force: true });
}

/** @param {WheelSet} wheels @param {number} alreadyThere bytes */
async function requireSpace(wheels, alreadyThere) {
  const facts = await statfs(cacheFolder());
  const free = facts.bavail * facts.bsize;
  // pip writes a wheel to a temporary file before it is in place.
  const needed = Math.max(0, wheels.downloadBytes - alreadyThere) + wheels.unpackedBytes + 200_000_000;
  if (free < needed) {
    throw new StepFailure(`${wheels.name} can't be installed`,
      `${cacheFolder()} has ${formatBytes(free)} free and it needs ${formatBytes(needed)} while it is unpacked`,
      "Free some space, or set XDG_CACHE_HOME to a folder on a larger disk, then start again.");
  }
}

function requirePython() {
  const found = findPython();
  if (!found) {
    throw new StepFailure("libtorch can't be downloaded", "python3 has neither pip nor ensurepip, and libtorch comes as a Python package",
      "Install pip (on Debian: sudo apt-get install -y python3-pip python3-venv), then start again.");
  }
  return found;
}

/** A Python whose pip works: the person's own, or one in an environment of ours where that has none. */
async function pythonWithPip() {
  const found = requirePython();
  if (found.hasPip) return found.python;
  const environment = join(cacheFolder(), "pip");
  const python = join(environment, "bin/python3");
  if (!existsSync(python)) {
    try {
      await runCommand(found.python, ["-m", "venv", environment], { log: "pip-environment" });
    } catch (error) {
      rmSync(environment, { recursive: true, force: true });
      throw new StepFailure("pip could not be set up", tailOf(error), "Install pip (on Debian: sudo apt-get install -y python3-pip), then start again.");
    }
  }
  return python;
}

/**
 * @param {WheelSet} wheels @param {string} folder @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<number>} bytes downloaded
 */
async function download(wheels, folder, progress) {
  const python = await pythonWithPip();
  const requirements = join(folder, "requirements.txt");
  writeStamp(requirements, stampValue(wheels));
  // pip's temporary files lie where the wheels will, so that their growth can be seen and /tmp need not hold them.
  const temporary = join(folder, "incoming");
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const environment = { ...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: "0", PIP_USER: "0" };

  const before = Date.now();
  const timer = setInterval(() => {
    const bytes = bytesBelow(folder);
    const speed = bytes / 1e6 / ((Date.now() - before) / 1000);
    progress.update(`${formatBytes(bytes)} of ${formatBytes(wheels.downloadBytes)}, ${speed.toFixed(0)} MB/s`);
  }, 500);
  try {
    await runCommand(python, ["-m", "pip", "download", "--requirement", requirements, "--dest", folder,
      "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "5", "--timeout", "60",
      ...(wheels === CUDA ? [] : ["--no-deps", "--require-hashes"]), ...PIP_TARGET], { log: "libtorch-download", env: environment });
  } catch (error) {
    throw new StepFailure(`${wheels.name} could not be downloaded`, tailOf(error),
      "Check the network and pip's settings (pip config list), then start again: wheels that are complete are kept.");
  } finally {
    clearInterval(timer);
    rmSync(temporary, { recursive: true, force: true });
  }
  return bytesBelow(folder);
}

/** The line of a failed program that says why. @param {unknown} error */
function tailOf(error) {
  if (!(error instanceof CommandError)) return error instanceof Error ? error.message : String(error);
  const said = error.tail.filter((line) => /error|no space|denied|not found/i.test(line)).at(-1) ?? error.tail.at(-1);
  return said ? `${error.message}: ${said.trim()}` : error.message;
}

/** @param {string} folder */
function bytesBelow(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += existsSync(path) ? bytesBelow(path) : 0;
    else bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** Moves files one by one into a folder that has others already. @param {string} from @param {string} to */
function moveInto(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) moveInto(join(from, entry.name), join(to, entry.name));
    else renameSync(join(from, entry.name), join(to, entry.name));
  }
}
