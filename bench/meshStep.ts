// Two ranks of one thread each against one process with two threads.
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MeshSpec, SparseSpec } from "../contract/runSpec.ts";
import { Engine } from "../native/load.ts";
import type { Engine as NativeEngine, EngineConfig } from "../native/switchyard.d.ts";
import { median, type BenchRow } from "./benchRow.ts";
import { engineConfig, randomBatch, seconds, warm } from "./shapes.ts";

const FOLLOWER = fileURLToPath(new URL("meshFollower.ts", import.meta.url));
const ROUNDS = 15;
const MESHES: { name: string; mesh: MeshSpec; capacityGroup: SparseSpec["capacityGroup"] }[] = [
  { name: "2 data ranks", mesh: { data: 2, expert: 1, model: 1 }, capacityGroup: "batch" },
  { name: "2 expert ranks", mesh: { data: 1, expert: 2, model: 1 }, capacityGroup: "batch" },
  { name: "2 expert ranks, capacity per rank,", mesh: { data: 1, expert: 2, model: 1 }, capacityGroup: "rank" },
  { name: "2 model ranks", mesh: { data: 1, expert: 1, model: 2 }, capacityGroup: "batch" },
];

export async function meshStep(rounds = ROUNDS): Promise<BenchRow[]> {
  const batch = randomBatch(), folder = mkdtempSync(join(tmpdir(), "switchyard-bench-")), followers: ChildProcess[] = [], rows: BenchRow[] = [];
  const config = engineConfig({ experts: 8, capacityFactor: 1.25, precision: "fp32" });
  const alone = await Engine.create(config);
  await warm([alone], batch);
  try {
    for (const [i, { name, mesh, capacityGroup }] of MESHES.entries()) {
      const own: EngineConfig = {
        ...config, model: { ...config.model, sparse: { ...config.model.sparse!, capacityGroup } }, training: { ...config.training, threads: 1 },
        mesh: { ...mesh, rank: 0, storeFile: join(folder, `store-${i}`) },
      };
      const follower = fork(FOLLOWER, { env: { OMP_WAIT_POLICY: "passive", ...process.env } });
      followers.push(follower);
      follower.send({ ...own, mesh: { ...own.mesh!, rank: 1 } });
      const ranks: NativeEngine = await Engine.create(own);
      await warm([ranks], batch);
      const times = { alone: [] as number[], ranks: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        times.alone.push(await seconds(alone, batch));
        times.ranks.push(await seconds(ranks, batch));
      }
      ranks.dispose();
      await new Promise((resolve) => { follower.once("exit", resolve); });
      rows.push({ benchmark: `training step, 8 experts, fp32, ${name} of 1 thread`, measured: median(times.ranks) * 1000, against: "one process, 2 threads", reference: median(times.alone) * 1000, unit: "ms", method: `median of ${rounds} steps in turn, the global batch the same; the model of the first row` });
    }
  } finally {
    for (const follower of followers) follower.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  alone.dispose();
  return rows;
}
