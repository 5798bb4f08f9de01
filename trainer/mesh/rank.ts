// node trainer/mesh/rank.ts OPTIONS: one rank of a mesh, started by the supervisor. Rank 0 leads the run; the others build the engine
// that they are told to, and follow it.
import type { EngineConfig } from "../../native/switchyard.d.ts";
import { EndOfAttempt, runAttempt } from "../attempt.ts";
import { ownerOf } from "../run/runDirectory.ts";
import { BEAT_MILLISECONDS, reportLost, tell, type MeshLink, type RankOptions, type SupervisorMessage } from "./messages.ts";

const NATIVE = new URL("../../native/load.ts", import.meta.url).href;

process.on("SIGHUP", () => {});
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
// Without its supervisor a rank has nobody to answer to.
process.on("disconnect", () => process.exit(1));

const options = JSON.parse(process.argv[2]!) as RankOptions;
tell({ kind: "beat" });
setInterval(() => tell({ kind: "beat" }), BEAT_MILLISECONDS).unref();

if (options.rank === 0) {
  const ending = new EndOfAttempt();
  Object.assign(ending, { path: options.path, attempt: options.attempt });
  process.on("uncaughtException", ending.fail);
  process.on("unhandledRejection", ending.fail);
  const { path, attempt, asked, owner, storeFile } = options;
  const mesh: MeshLink = { storeFile, build: (config) => tell({ kind: "engine", config }), lost: reportLost };
  await runAttempt(ending, { path, attempt, asked, owner: ownerOf(owner), mesh });
} else {
  // Rank 0 decides when the run stops.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => {});
  process.on("message", ({ config }: SupervisorMessage) => void follow(config));
}

async function follow(config: EngineConfig): Promise<void> {
  try {
    const { Engine } = await import(NATIVE) as typeof import("../../native/switchyard.d.ts");
    const engine = await Engine.create({ ...config, mesh: { ...config.mesh!, rank: options.rank } });
    await engine.follow();
    process.exit(0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "mesh") return reportLost(error);
    tell({ kind: "failed", message: (error as Error).message });
    process.exitCode = 1;
    process.disconnect();
  }
}
