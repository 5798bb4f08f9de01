// Electron's binary is not in its npm package: its own installer fetches it at first use, and that may be refused.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, stateFolder } from "./bootstrap/paths.mjs";

const packageFolder = join(root, "node_modules/electron");
const DAY = 86_400_000;

/** Path of the executable, or undefined where it was never fetched. */
export function installedElectron(): string | undefined {
  const override = process.env["ELECTRON_OVERRIDE_DIST_PATH"];
  const path = join(override ?? join(packageFolder, "dist"), "electron");
  return existsSync(path) ? path : undefined;
}

/** Fetches the binary. A failure is remembered for a day, so that the next start does not wait for it again. */
export function fetchElectron(): { path: string } | { reason: string } {
  const there = installedElectron();
  if (there) return { path: there };
  const failure = join(stateFolder(), "electron-failure.txt");
  const remembered = statSync(failure, { throwIfNoEntry: false });
  if (remembered && Date.now() - remembered.mtimeMs < DAY) return { reason: readFileSync(failure, "utf8").trim() };
  if (process.env["SWITCHYARD_OFFLINE"]) return { reason: "it is not installed and SWITCHYARD_OFFLINE is set" };

  process.stderr.write("▸ Fetching Electron's binary, once …\n");
  const result = spawnSync(process.execPath, [join(packageFolder, "install.js")], { encoding: "utf8", timeout: 300_000 });
  const path = installedElectron();
  if (result.status === 0 && path) {
    rmSync(failure, { force: true });
    return { path };
  }
  const reason = reasonOf(result.stderr, result.error);
  mkdirSync(dirname(failure), { recursive: true });
  writeFileSync(failure, reason + "\n");
  return { reason };
}

/** The line of the installer's stack trace that says why. */
function reasonOf(output: string, error: Error | undefined): string {
  if (error) return `the download did not end in five minutes`;
  const line = output.split("\n").find((text) => /error|failed|refused|status/i.test(text)) ?? "the installer failed";
  return `the download failed (${line.trim().slice(0, 160)})`;
}

/** Libraries of the system that the binary needs and can't find; none when all are there. */
export function missingLibraries(path: string): string[] {
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/^\s*(\S+) => not found$/gm)].map((match) => match[1] ?? "");
}
