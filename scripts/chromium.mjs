// Where the system's Chromium is, and with which switches it is started here: by the tests, and as an application window.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The path of an installed Chromium, or undefined. SWITCHYARD_CHROMIUM names another one. */
export function findChromium(environment = process.env) {
  if (environment.SWITCHYARD_CHROMIUM) return environment.SWITCHYARD_CHROMIUM;
  const folders = [...(environment.PATH ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  for (const name of NAMES) {
    for (const folder of folders) {
      if (folder === "") continue;
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here; look in the next folder.
      }
    }
  }
  return undefined;
}

/**
 * Switches that keep Chromium from talking to anybody but the page it was opened on. Chromium's own sandbox stays on
 * except for root, for whom it refuses to start with it.
 */
export function chromiumArguments(isRoot = process.getuid?.() === 0) {
  return [
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    ...(isRoot ? ["--no-sandbox"] : []),
  ];
}
