// The door to every command: makes sure that what the command needs is there, then runs it under Node 24.
// Plain JavaScript without packages, because it runs on whatever Node (18 or later) the person has, before there are any.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { bundleIsCurrent, ensureBundle } from "./bootstrap/bundles.mjs";
import { StepFailure } from "./bootstrap/failure.mjs";
import { ensureLibtorch, libtorchIsInstalled } from "./bootstrap/libtorch.mjs";
import { acquireLock } from "./bootstrap/lock.mjs";
import { ensureNativeAddon, nativeAddonIsCurrent } from "./bootstrap/nativeAddon.mjs";
import { ensureNodePackages, nodePackagesAreCurrent } from "./bootstrap/nodePackages.mjs";
import { node24, root } from "./bootstrap/paths.mjs";
import { buildRequirements, ensureSystemPackages, pythonRequirement, testRequirements } from "./bootstrap/systemPackages.mjs";

/**
 * @typedef {object} Command
 * @property {string} [entry] the program, relative to the root
 * @property {(args: string[]) => Need[]} needs
 * @typedef {"native" | "native tests" | "interface" | "desktop"} Need
 */

/** @type {Record<string, Command>} */
const commands = {
  start: { entry: "scripts/start.ts", needs: () => ["native", "interface", "desktop"] },
  test: { entry: "scripts/test.ts", needs: needsOfSuites },
  bench: { entry: "bench/main.ts", needs: () => ["native"] },
  fuzz: { entry: "backend/fuzz/main.ts", needs: () => [] },
  build: { needs: () => ["native", "interface", "desktop"] },
  switchyard: { entry: "cli/main.ts", needs: needsOfTerminalCommand },
};

/** Commands that load the engine or start what loads it. */
const LOADS_ENGINE = / (train|finetune|distill(?! report)|upcycle|runs resume|runs continue|generate|model logits|devices) /;

/**
 * Reading old runs or asking what is wrong must work where the addon can't be built.
 * @param {string[]} args @returns {Need[]}
 */
function needsOfTerminalCommand(args) {
  if (args.includes("--help") || args.includes("-h") || args.includes("help")) return [];
  if (args.includes("serve")) return ["native", "interface"];
  return LOADS_ENGINE.test(` ${args.join(" ")} `) ? ["native"] : [];
}

/**
 * Types and lint read the sources alone.
 * @param {string[]} suites @returns {Need[]}
 */
function needsOfSuites(suites) {
  const readsSources = suites.length > 0 && suites.every((suite) => suite === "types" || suite === "lint");
  return readsSources ? [] : ["native tests", "interface", "desktop"];
}

/** @param {Need[]} needs */
function everythingIsThere(needs) {
  const native = needs.includes("native") || needs.includes("native tests");
  return nodePackagesAreCurrent() &&
    (!native || (libtorchIsInstalled() && nativeAddonIsCurrent(needs.includes("native tests")))) &&
    (!needs.includes("interface") || bundleIsCurrent("interface")) &&
    (!needs.includes("desktop") || bundleIsCurrent("desktop"));
}

/** @param {Need[]} needs */
async function ensure(needs) {
  const forTests = needs.includes("native tests");
  const native = forTests || needs.includes("native");
  if (forTests) await ensureSystemPackages(testRequirements);
  if (everythingIsThere(needs)) {
    // A GPU may have been put in since.
    if (native) await ensureLibtorch();
    return;
  }
  const release = await acquireLock(join(root, "build/bootstrap.lock"),
    () => process.stderr.write("▸ Waiting for another command that is setting up this clone …\n"));
  try {
    if (native && !nativeAddonIsCurrent(forTests)) {
      await ensureSystemPackages([...buildRequirements, ...(libtorchIsInstalled() ? [] : [pythonRequirement])]);
    }
    await ensureNodePackages();
    if (native) {
      await ensureLibtorch();
      await ensureNativeAddon(forTests);
    }
    if (needs.includes("interface")) await ensureBundle("interface");
    if (needs.includes("desktop")) await ensureBundle("desktop");
  } finally {
    await release();
  }
}

/**
 * Runs the command in place of this process, as far as Node can: same streams, same signals, same exit.
 * @param {string} entry @param {string[]} args
 */
function become(entry, args) {
  const child = spawn(node24, [join(root, entry), ...args], {
    stdio: "inherit",
    env: { ...process.env, PATH: dirname(node24) + delimiter + (process.env.PATH ?? "") },
  });
  for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGTERM", "SIGHUP", "SIGINT"])) {
    process.on(signal, () => {
      // Ctrl-C reaches the whole foreground group by itself; sent a second time it would look like a second press.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`Node 24 can't be started from ${node24} (${error.message}). Delete node_modules and start again.\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}

const [name = "", ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  process.stderr.write(`There is no command "${name}". Use one of: ${Object.keys(commands).join(", ")}.\n`);
  process.exit(2);
}
const interrupted = () => {
  process.stderr.write("\nInterrupted. Starting again continues here.\n");
  process.exit(130);
};
process.once("SIGINT", interrupted);
try {
  await ensure(command.needs(args));
  process.off("SIGINT", interrupted);
  if (command.entry) become(command.entry, args);
} catch (error) {
  if (error instanceof StepFailure) process.stderr.write(`\n✗ ${error.what}: ${error.why}.\n  ${error.remedy}\n`);
  else process.stderr.write(`\n✗ Setting up failed in a way that was not foreseen: ${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
