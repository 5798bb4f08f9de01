// node trainer/main.ts RUN_DIR [--steps N] [--mesh D,E,M]: one attempt of the run in that directory, from its newest good checkpoint. On a mesh of
// several ranks this process starts one for each and watches over them.
import { realpathSync } from "node:fs";
import type { Asked } from "../contract/asked.ts";
import { ranksOf, type MeshSpec } from "../contract/meshSpec.ts";
import { EndOfAttempt, runAttempt } from "./attempt.ts";
import { EXIT_CODES, RunFailure } from "./failure.ts";
import { supervise } from "./mesh/supervise.ts";
import { askedOf, lockRun, nextAttempt, ownerOf, readSpec } from "./run/runDirectory.ts";

// The launcher may be gone: its terminal and pipes must not take the run with them.
process.on("SIGHUP", () => {});
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const directory = process.argv[2];
if (!directory) {
  process.stderr.write("Usage: node trainer/main.ts RUN_DIRECTORY [--steps N] [--mesh DATA,EXPERT,MODEL]\n");
  process.exit(EXIT_CODES["spec-error"]);
}

const ending = new EndOfAttempt();
process.on("uncaughtException", ending.fail);
process.on("unhandledRejection", ending.fail);

try {
  const path = folderOf(directory);
  ending.path = path;
  if (!await lockRun(path)) {
    process.stderr.write("Another trainer already works in this run directory; stop it first.\n");
    process.exit(EXIT_CODES.crashed);
  }
  const attempt = nextAttempt(path), asked = askedOf(process.argv, path), mesh = meshOf(path, asked);
  ending.attempt = attempt;
  if (mesh) await supervise({ path, attempt, asked, mesh });
  else await runAttempt(ending, { path, attempt, asked, owner: ownerOf(process.pid), mesh: null });
} catch (error) { ending.fail(error); }

/** The mesh of a run with several ranks. What is wrong with a spec is told by the attempt itself. */
function meshOf(path: string, asked: Asked): MeshSpec | null {
  try {
    const { mesh } = readSpec(path, asked);
    return ranksOf(mesh) > 1 ? mesh : null;
  } catch { return null; }
}

function folderOf(name: string): string {
  try { return realpathSync(name); }
  catch (error) { throw new RunFailure("spec-error", `There is no run directory ${name}; make it and write spec.json there first.`, error); }
}
