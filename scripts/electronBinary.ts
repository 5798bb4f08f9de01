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
  if (remembered && Date.now() - remembered.mtimeMs < DAY) return { reason: `${readFileSync(failure, "utf8").trim()}; it is tried again tomorrow, or once ${failure} is deleted` };
  if (process.env["SWITCHYARD_OFFLINE"]) return { reason: "SWITCHYARD_OFFLINE is set, so it is not downloaded" };

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

/** Why the installer failed, from its stack trace, in plain words. */
export function reasonOf(output: string, error?: Error): string {
  if (error) return (error as NodeJS.ErrnoException).code === "ETIMEDOUT" ? "its download did not end in five minutes" : `its installer can't be started: ${error.message}`;
  const status = /\b(?:status(?:Text)?|code|HTTP\S*)\W{0,3}([45]\d\d)\b/i.exec(output)?.[1];
  if (status) return `the server refused the download with status ${status}`;
  if (/ENOSPC/.test(output)) return "the disk is full";
  if (/EACCES|EPERM|EROFS/.test(output)) return "its folder can't be written";
  if (/checksum|sha-?256/i.test(output)) return "what came does not match its checksum";
  if (/fetch failed|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|socket|tunnel|certificate/i.test(output)) return "its download server can't be reached";
  const line = output.split("\n").find((text) => /error|failed/i.test(text))?.trim();
  return line ? `its installer failed: ${line.slice(0, 160)}` : "its installer failed";
}

/** The one line that is said instead of opening Electron. */
export const withoutElectron = (reason: string, chromium: boolean): string =>
  `Electron is not here (${reason}), so ${chromium ? "the window opens in Chromium" : "Switchyard is served for a browser"} instead.`;

/** Libraries of the system that the binary needs and can't find; none when all are there. */
export function missingLibraries(path: string): string[] {
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/^\s*(\S+) => not found$/gm)].map((match) => match[1] ?? "");
}
