// Benchmarks of native/bench/, built when they are asked for.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../build/native", import.meta.url));

/** Runs a program that prints one line of JSON. */
export function benchProgram(name: string): (args: readonly string[]) => unknown {
  execFileSync("cmake", ["--build", BUILD, "--target", name], { stdio: ["ignore", "ignore", "inherit"] });
  return (args) => JSON.parse(execFileSync(join(BUILD, "bench", name), args, { encoding: "utf8" })) as unknown;
}
