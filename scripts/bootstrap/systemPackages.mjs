// What has to come from the system: compilers, build tools, and for the tests a browser.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findChromium } from "../chromium.mjs";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { withProgress } from "./progress.mjs";
import { withServicesAtRest } from "./restingServices.mjs";

/**
 * @typedef {object} SystemRequirement
 * @property {string} name what is needed, in words
 * @property {string[]} packages Debian packages that bring it
 * @property {() => boolean} present looks for the thing itself, not for a package, since it may come from elsewhere
 * @property {boolean} [optional] tests that need it are skipped, with the reason, where it can't be installed
 * @property {string} [service] what a package would start by itself and nothing here needs
 */

/**
 * @param {string} name @param {string[]} more folders besides PATH
 * @returns {string | undefined} path of a program
 */
export function findProgram(name, more = []) {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...more]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Where servers lie, to which only root's PATH leads. */
const SBIN = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** A Python that can run pip, or make an environment that can. */
export function findPython() {
  for (const python of ["python3", "/usr/bin/python3"]) {
    for (const module of ["pip", "ensurepip"]) {
      if (spawnSync(python, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0) {
        return { python, hasPip: module === "pip" };
      }
    }
  }
  return undefined;
}

/** @type {SystemRequirement[]} */
export const buildRequirements = [
  { name: "CMake", packages: ["cmake"], present: () => findProgram("cmake") !== undefined },
  { name: "Ninja", packages: ["ninja-build"], present: () => findProgram("ninja") !== undefined },
  { name: "ccache", packages: ["ccache"], present: () => findProgram("ccache") !== undefined },
  { name: "the headers of Gloo", packages: ["libgloo-dev"], present: () => existsSync("/usr/include/gloo/context.h") },
  { name: "a C++ compiler", packages: ["g++"], present: () => findProgram("g++") !== undefined },
];

/** @type {SystemRequirement} */
export const pythonRequirement = {
  name: "Python with pip",
  packages: ["python3", "python3-pip", "python3-venv"],
  present: () => findPython() !== undefined,
};

/** @type {SystemRequirement} */
export const chromiumRequirement = { name: "Chromium", packages: ["chromium"], present: () => findChromium() !== undefined };

/** @type {SystemRequirement[]} */
export const testRequirements = [
  { name: "GoogleTest", packages: ["libgtest-dev"], present: () => existsSync("/usr/include/gtest/gtest.h") },
  chromiumRequirement,
  // Hosts are tested against a real server on loopback.
  { name: "the OpenSSH client", packages: ["openssh-client"], present: () => findProgram("ssh") !== undefined },
  { name: "the OpenSSH server", packages: ["openssh-server"], present: () => findSshServer() !== undefined, service: "ssh" },
  // So are runs that a host hands to Slurm.
  { name: "munge", packages: ["munge"], present: () => findProgram("munged", SBIN) !== undefined, service: "munge", optional: true },
  { name: "Slurm's controller", packages: ["slurmctld", "slurm-client"], present: () => findProgram("slurmctld", SBIN) !== undefined && findProgram("sbatch") !== undefined, service: "slurmctld", optional: true },
  { name: "Slurm's daemon", packages: ["slurmd"], present: () => findProgram("slurmd", SBIN) !== undefined, service: "slurmd", optional: true },
  // Without a font a page has boxes for letters, and every test of what a person reads is meaningless.
  { name: "a font", packages: ["fonts-dejavu-core"], present: hasFont },
];

/** sshd has to be started by its full path anyway. */
export const findSshServer = () => findProgram("sshd", SBIN);

function hasFont() {
  return ["/usr/share/fonts/truetype", "/usr/share/fonts/opentype"].some(
    (folder) => existsSync(folder) && readdirSync(folder).length > 0,
  );
}

/** @param {SystemRequirement[]} requirements */
const servicesOf = (requirements) => requirements.flatMap(({ service }) => service ?? []);

/** @param {SystemRequirement[]} requirements the command that installs them, their services left disabled */
export function installCommand(requirements) {
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  const packages = [...new Set(requirements.flatMap((requirement) => requirement.packages))];
  const disable = servicesOf(requirements).map((service) => ` && ${sudo}systemctl disable --now ${service}`);
  return `${sudo}apt-get install -y --no-install-recommends ${packages.join(" ")}${disable.join("")}`;
}

/**
 * Installs what is missing when run by root; otherwise says the one command that does.
 * @param {SystemRequirement[]} requirements
 */
export async function ensureSystemPackages(requirements) {
  const canInstall = findProgram("apt-get") !== undefined && process.getuid?.() === 0 && !process.env.SWITCHYARD_OFFLINE;
  const missing = requirements.filter((requirement) => !requirement.present() && (canInstall || !requirement.optional));
  if (missing.length === 0) return;
  const names = missing.map((requirement) => requirement.name).join(", ");
  const packages = [...new Set(missing.flatMap((requirement) => requirement.packages))];

  if (findProgram("apt-get") === undefined) {
    throw new StepFailure("System packages are missing", `${names} can't be found, and this system has no apt-get`,
      `Install them with the system's own package manager (on Debian they are called ${packages.join(" ")}), then start again.`);
  }
  if (process.getuid?.() !== 0) {
    throw new StepFailure("System packages are missing", `${names} can't be found, and only root may install them`,
      `Run this once, then start again:\n    ${installCommand(missing)}`);
  }
  if (process.env.SWITCHYARD_OFFLINE) {
    throw new StepFailure("System packages are missing", `${names} can't be found, and SWITCHYARD_OFFLINE is set`,
      `Run this with a network, then start again:\n    ${installCommand(missing)}`);
  }
  await withProgress(`Installing system packages (${packages.join(" ")})`, async (progress) => {
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    /** @param {string} line */
    const onLine = (line) => {
      if (/^(Get:|Unpacking|Setting up|Hit:)/.test(line)) progress.update(line.replace(/ \.\.\.$/, ""));
    };
    const wait = ["-o", "DPkg::Lock::Timeout=300"];
    const install = () => runCommand("apt-get", [...wait, "install", "-y", "--no-install-recommends", ...packages],
      { log: "system-packages", env: environment, onLine });
    try {
      // Old package lists name files that are gone; new ones cost seconds.
      await runCommand("apt-get", [...wait, "update"], { log: "system-package-lists", env: environment, onLine })
        .catch(() => undefined);
      await withServicesAtRest(servicesOf(missing), install);
    } catch (error) {
      const tail = error instanceof CommandError ? error.tail.filter((line) => /^(E|W|Err):/.test(line)).join("\n    ") : "";
      throw new StepFailure("System packages could not be installed", error instanceof Error ? error.message : String(error),
        `${tail ? `apt-get said:\n    ${tail}\n  ` : ""}Run this, then start again:\n    ${installCommand(missing)}`);
    }
  });
  const still = missing.filter((requirement) => !requirement.present()).map((requirement) => requirement.name);
  if (still.length > 0) {
    throw new StepFailure("System packages could not be installed", `${still.join(", ")} can't be found after installing`,
      `Look at build/logs/system-packages.log, then start again.`);
  }
}
