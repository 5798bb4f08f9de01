// The packages of package-lock.json, Node 24 among them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { node24, root } from "./paths.mjs";
import { withProgress } from "./progress.mjs";

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockedPackage */

/** @param {string} path @returns {Record<string, LockedPackage> | undefined} */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * Packages of other systems are left out by npm, and optional ones with no system (WebAssembly fallbacks) may be.
 * @param {LockedPackage} entry
 */
function isNeededHere(entry) {
  if (!entry.optional) return true;
  if (!entry.os || !entry.cpu) return false;
  return entry.os.includes(process.platform) && entry.cpu.includes(process.arch) && (!entry.libc || entry.libc.includes("glibc"));
}

/** Folders of the packages that this system needs, relative to the root. */
function neededPackages() {
  const locked = readLock(join(root, "package-lock.json"));
  if (!locked) {
    throw new StepFailure("Packages can't be installed", "package-lock.json is missing or damaged",
      "Restore it with: git checkout package-lock.json");
  }
  return Object.entries(locked).filter(([path, entry]) => path !== "" && isNeededHere(entry));
}

/**
 * Whether node_modules holds what the lock file names. npm's own record is written last, so that an installation that
 * was interrupted has none, and one made by hand with `npm install` counts as well.
 */
export function nodePackagesAreCurrent() {
  const installed = readLock(join(root, "node_modules/.package-lock.json"));
  if (!installed || !existsSync(node24)) return false;
  return neededPackages().every(([path, entry]) => {
    const found = installed[path];
    return found !== undefined && found.version === entry.version && found.integrity === entry.integrity;
  });
}

export async function ensureNodePackages() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new StepFailure("Switchyard can't run here", `it is built for Linux on x86-64, and this is ${process.platform} on ${process.arch}`,
      "Use a Linux machine with an x86-64 processor.");
  }
  if (nodePackagesAreCurrent()) return;
  const needed = neededPackages();
  const offline = Boolean(process.env.SWITCHYARD_OFFLINE);
  // npm as it was called, so that the person's own npm and its settings are used; under the Node that runs this.
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--include=dev", "--include=optional", "--loglevel=error",
    ...(offline ? ["--offline"] : [])];

  await withProgress("Installing packages from the lock file", async (progress) => {
    const timer = setInterval(() => {
      const there = needed.filter(([path]) => existsSync(join(root, path, "package.json"))).length;
      progress.update(there === 0 ? "resolving" : `${there} of ${needed.length}`);
    }, 500);
    try {
      await runCommand(npm[0] ?? "npm", [...npm.slice(1), ...args], { log: "packages", name: "npm" });
    } catch (error) {
      const tail = error instanceof CommandError ? error.tail.filter((line) => !/^npm error\s*$|complete log/.test(line)).slice(0, 8).join("\n    ") : "";
      throw new StepFailure("Packages could not be installed", error instanceof Error ? error.message : String(error),
        (tail ? `npm said:\n    ${tail}\n  ` : "") +
        (offline ? "SWITCHYARD_OFFLINE is set: unset it and start again." : "Check the network and free disk space, then start again."));
    } finally {
      clearInterval(timer);
    }
  }, () => `${needed.length} packages`);

  if (!nodePackagesAreCurrent()) {
    const gone = needed.filter(([path]) => !existsSync(join(root, path, "package.json"))).map(([path]) => path.replace(/^node_modules\//, ""));
    throw new StepFailure("Packages could not be installed", `npm left out ${gone.slice(0, 5).join(", ") || "some of them"}`,
      "Delete node_modules and start again; build/logs/packages.log says what npm did.");
  }
}
