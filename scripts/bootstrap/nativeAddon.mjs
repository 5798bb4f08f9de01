// The engine and its addon: CMake and Ninja into build/native, with ccache and a precompiled header.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CommandError, runCommand } from "./command.mjs";
import { StepFailure } from "./failure.mjs";
import { LIBTORCH_VERSION, libtorchFolder, root } from "./paths.mjs";
import { withProgress } from "./progress.mjs";
import { readStamp, statusHash, writeStamp } from "./stamp.mjs";

const folder = join(root, "build/native");

/** @param {boolean} withTests */
function stampFor(withTests) {
  return join(folder, withTests ? ".built-with-tests" : ".built");
}

/** Ninja looks at every file; this looks at less and takes milliseconds. */
function inputs() {
  return [LIBTORCH_VERSION, libtorchFolder(), statusHash(root, ["native", "node_modules/node-addon-api/package.json"])].join(" ");
}

/** @param {boolean} withTests */
export function nativeAddonIsCurrent(withTests) {
  const current = inputs();
  return readStamp(stampFor(withTests)) === current || readStamp(stampFor(true)) === current;
}

/**
 * CMake refuses a build folder that was made for sources elsewhere, as when the whole folder was moved or copied: its notes go, what ccache has stays.
 * @param {string} build @param {string} sources
 */
export function forgetOtherSources(build, sources) {
  const cache = join(build, "CMakeCache.txt");
  if (!existsSync(cache) || readFileSync(cache, "utf8").includes(`\nCMAKE_HOME_DIRECTORY:INTERNAL=${sources}\n`)) return;
  rmSync(cache);
  rmSync(join(build, "CMakeFiles"), { recursive: true, force: true });
}

/**
 * Builds the addon, and its C++ tests when asked for.
 * @param {boolean} withTests
 */
export async function ensureNativeAddon(withTests) {
  if (!existsSync(join(root, "native/CMakeLists.txt"))) {
    throw new StepFailure("The native addon can't be built", "native/CMakeLists.txt is missing", "Restore it with: git checkout native");
  }
  if (nativeAddonIsCurrent(withTests)) return;
  const before = inputs();

  await withProgress("Building the native addon", async (progress) => {
    /** @param {string} line */
    const onLine = (line) => {
      const step = /^\[(\d+\/\d+)\] (.*)/.exec(line);
      if (step) progress.update(`[${step[1]}] ${(step[2] ?? "").replace(/(Building \w+ object|Linking \w+).*?([^/]+?)(\.o)?$/, "$1 $2")}`);
    };
    forgetOtherSources(folder, join(root, "native"));
    try {
      await runCommand("cmake", ["-S", join(root, "native"), "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        `-DSWITCHYARD_LIBTORCH=${libtorchFolder()}`, `-DSWITCHYARD_TESTS=${withTests ? "ON" : "OFF"}`],
        { log: "native-configure", onLine });
      await runCommand("cmake", ["--build", folder], {
        log: "native-build",
        env: { ...process.env, NINJA_STATUS: "[%f/%t] " },
        onLine,
      });
    } catch (error) {
      const failure = error instanceof CommandError ? error : undefined;
      const said = failure?.tail.filter((line) => /error|undefined reference|fatal|Killed/i.test(line)).slice(0, 5).join("\n    ");
      throw new StepFailure("The native addon could not be built", error instanceof Error ? error.message : String(error),
        `${said ? `The compiler said:\n    ${said}\n  ` : ""}All of it is in ${failure?.log ?? "build/logs"}. Starting again continues with what is not built yet.`);
    }
  });
  writeStamp(stampFor(withTests), before);
}
