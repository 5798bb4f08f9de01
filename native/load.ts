// Finds the built addon and offers what switchyard.d.ts promises.
// Importing this module throws one sentence when the addon is not built or does not load (`cause` says why).
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

type Addon = typeof import("./switchyard.d.ts");

function loadAddon(): Addon {
  const path = fileURLToPath(new URL("../build/native/switchyard.node", import.meta.url));
  if (!existsSync(path)) throw new Error(`The engine is not built: ${path} does not exist; build native/ with CMake first.`);
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new Error(`The engine at ${path} could not be loaded; build native/ again against the installed libtorch.`, { cause });
  }
}

const addon = loadAddon();
// A worker waits for the job in progress instead.
if (isMainThread) process.on("exit", (code) => addon.leave(code));

export const { Engine, devices, exportHuggingFaceModel, importHuggingFaceModel, measureCpu, tensorHeader } = addon;
