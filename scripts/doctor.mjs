// What is installed, what is missing and how to fix it: the checks behind `switchyard doctor`.
import { existsSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { bundleIsCurrent } from "./bootstrap/bundles.mjs";
import { cudaLibrariesAreInstalled, hasNvidiaDriver, libtorchIsInstalled } from "./bootstrap/libtorch.mjs";
import { nativeAddonIsCurrent } from "./bootstrap/nativeAddon.mjs";
import { nodePackagesAreCurrent } from "./bootstrap/nodePackages.mjs";
import { cacheFolder, LIBTORCH_VERSION, libtorchFolder, root } from "./bootstrap/paths.mjs";
import { formatBytes } from "./bootstrap/progress.mjs";
import { buildRequirements, chromiumRequirement, findPython, installCommand, pythonRequirement, testRequirements } from "./bootstrap/systemPackages.mjs";
import { findChromium } from "./chromium.mjs";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {boolean} ok
 * @property {string} detail what was found
 * @property {string | null} remedy what to do when it is not right
 */

/** @returns {Promise<Check[]>} */
export async function checkInstallation() {
  return [
    nodeCheck(), systemCheck("Build tools", buildRequirements), systemCheck("Python", [pythonRequirement]),
    packagesCheck(), libtorchCheck(), cudaCheck(), addonCheck(), interfaceCheck(), windowCheck(),
    systemCheck("Tools of the tests", testRequirements), await spaceCheck(),
  ];
}

/** @param {string} name @param {boolean} ok @param {string} detail @param {string | null} [remedy] @returns {Check} */
const check = (name, ok, detail, remedy = null) => ({ name, ok, detail, remedy: ok ? null : remedy });

function nodeCheck() {
  return check("Node", Number(process.versions.node.split(".")[0]) >= 24, `runs under ${process.version}`,
    "Start it with: npm run -s switchyard -- doctor");
}

/** @param {string} name @param {import("./bootstrap/systemPackages.mjs").SystemRequirement[]} requirements */
function systemCheck(name, requirements) {
  const missing = requirements.filter((requirement) => !requirement.present());
  if (missing.length === 0) {
    const python = requirements.includes(pythonRequirement) ? findPython() : undefined;
    return check(name, true, python ? `${python.python}, ${python.hasPip ? "with pip" : "can make an environment with pip"}` : requirements.map((one) => one.name).join(", "));
  }
  return check(name, false, `${missing.map((one) => one.name).join(", ")} missing`,
    `Run: ${installCommand(missing)}`);
}

function packagesCheck() {
  const ok = nodePackagesAreCurrent();
  return check("Packages", ok, ok ? "as in package-lock.json" : "not as in package-lock.json", "Run: npm run build");
}

function libtorchCheck() {
  const ok = libtorchIsInstalled();
  return check("libtorch", ok, ok ? `${LIBTORCH_VERSION} in ${libtorchFolder()}` : `${LIBTORCH_VERSION} is not in ${libtorchFolder()}`, "Run: npm run build");
}

function cudaCheck() {
  if (!hasNvidiaDriver()) return check("CUDA", true, "no NVIDIA driver, so training uses the CPU");
  const driver = existsSync("/proc/driver/nvidia/version") ? readFileSync("/proc/driver/nvidia/version", "utf8").split("\n")[0] ?? "" : "driver present";
  const ok = cudaLibrariesAreInstalled();
  return check("CUDA", ok, ok ? driver : `${driver}, but the CUDA libraries are not installed`, "Run: npm run build");
}

function addonCheck() {
  const ok = nativeAddonIsCurrent(false);
  return check("Native addon", ok, ok ? join(root, "build/native") : "not built from the sources that are here", "Run: npm run build");
}

function interfaceCheck() {
  const ok = bundleIsCurrent("interface");
  return check("Interface", ok, ok ? join(root, "dist/renderer") : "not built from the sources that are here", "Run: npm run build");
}

function windowCheck() {
  const electron = existsSync(join(root, "node_modules/electron/dist/electron"));
  const chromium = findChromium();
  const detail = electron ? "Electron" : chromium ? `Electron's binary is not here; ${chromium} is used instead` : "neither Electron's binary nor Chromium is here";
  return check("Window", electron || chromium !== undefined, detail, `Run: ${installCommand([chromiumRequirement])}, or open the address that npm start prints in a browser`);
}

async function spaceCheck() {
  const folder = existsSync(cacheFolder()) ? cacheFolder() : root;
  const facts = await statfs(folder);
  const free = facts.bavail * facts.bsize;
  return check("Disk space", free > 2e9, `${formatBytes(free)} free at ${folder}`, "Free some space: checkpoints need room, and a full disk ends a run.");
}
