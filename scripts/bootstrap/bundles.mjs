// What is bundled: the interface (Vite) and the desktop shell (esbuild). Both are built aside and then swapped in, so that
// a window that is open keeps its files and a failed build leaves the old ones.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { node24, root } from "./paths.mjs";
import { withProgress } from "./progress.mjs";
import { contentHash, readStamp, writeStamp } from "./stamp.mjs";

export const bundles = {
  interface: {
    title: "Building the interface",
    what: "The interface could not be built",
    sources: ["renderer", "contract", "planner", "examples", "vite.config.ts", "package-lock.json"],
    output: join(root, "dist/renderer"),
    /** @param {string} output */
    build: (output) => ["node_modules/vite/bin/vite.js", "build", "--outDir", output, "--emptyOutDir"],
  },
  desktop: {
    title: "Building the desktop shell",
    what: "The desktop shell could not be built",
    sources: ["electron", "contract", "scripts/bundleDesktop.ts", "package-lock.json"],
    output: join(root, "dist/electron"),
    /** @param {string} output */
    build: (output) => ["scripts/bundleDesktop.ts", output],
  },
};

/** @param {typeof bundles.interface} bundle */
function stampOf(bundle) {
  return `${bundle.output}.stamp`;
}

/** @param {"interface" | "desktop"} name */
export function bundleIsCurrent(name) {
  const bundle = bundles[name];
  return existsSync(bundle.output) && readStamp(stampOf(bundle)) === contentHash(root, bundle.sources);
}

/** @param {"interface" | "desktop"} name */
export async function ensureBundle(name) {
  const bundle = bundles[name];
  if (bundleIsCurrent(name)) return;
  const hash = contentHash(root, bundle.sources);
  await withProgress(bundle.title, async (progress) => {
    const aside = `${bundle.output}.part`;
    const old = `${bundle.output}.old`;
    mkdirSync(join(root, "dist"), { recursive: true });
    try {
      await runCommand(node24, bundle.build(aside), { log: name, onLine: (line) => progress.update(line) });
    } catch (error) {
      const tail = error instanceof CommandError ? error.tail.filter((line) => line.trim() !== "").slice(0, 8).join("\n    ") : "";
      throw new StepFailure(bundle.what, error instanceof Error ? error.message : String(error),
        `The bundler said:\n    ${tail}\n  All of it is in build/logs/${name}.log.`);
    }
    rmSync(old, { recursive: true, force: true });
    if (existsSync(bundle.output)) renameSync(bundle.output, old);
    renameSync(aside, bundle.output);
    rmSync(old, { recursive: true, force: true });
  });
  writeStamp(stampOf(bundle), hash);
}
