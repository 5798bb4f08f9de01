// A stamp is a small file that says for which inputs a step was done.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const SKIPPED = new Set(["node_modules", "__pycache__", ".git", "build", "dist"]);

/**
 * The files below the given paths, sorted; a path that does not exist has none.
 * @param {string} base @param {string[]} paths relative to base
 * @returns {string[]} relative to base
 */
export function filesBelow(base, paths) {
  /** @type {string[]} */
  const files = [];
  /** @param {string} path */
  const visit = (path) => {
    const facts = statSync(join(base, path), { throwIfNoEntry: false });
    if (facts?.isFile()) files.push(path);
    if (!facts?.isDirectory()) return;
    for (const entry of readdirSync(join(base, path))) {
      if (!SKIPPED.has(entry)) visit(join(path, entry));
    }
  };
  for (const path of paths) visit(path);
  return files.sort();
}

/** Hash of names and contents. @param {string} base @param {string[]} paths */
export function contentHash(base, paths) {
  const hash = createHash("sha256");
  for (const file of filesBelow(base, paths)) {
    hash.update(`${file}\0`).update(readFileSync(join(base, file))).update("\0");
  }
  return hash.digest("hex");
}

/**
 * Hash of names, sizes and modification times: enough to decide that a build tool, which looks closer, may be skipped.
 * @param {string} base @param {string[]} paths
 */
export function statusHash(base, paths) {
  const hash = createHash("sha256");
  for (const file of filesBelow(base, paths)) {
    const facts = statSync(join(base, file));
    hash.update(`${file}\0${facts.size}\0${facts.mtimeMs}\0`);
  }
  return hash.digest("hex");
}

/** @param {string} path @returns {string | undefined} */
export function readStamp(path) {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Written aside and renamed, so a stamp is never half there. @param {string} path @param {string} value */
export function writeStamp(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.part`;
  writeFileSync(aside, value + "\n");
  renameSync(aside, path);
}
