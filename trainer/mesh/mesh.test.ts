// Runs on meshes, with the real engine and a process for each rank.
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { engineIsBuilt, eventsOf, exitOf, newRun, ofKind, reached, start, tinySpec, until, type Attempt } from "../fixtures/tinyRun.ts";

const MESH = { data: 2, expert: 2, model: 1 };
/** Seconds a test with several processes may take on a busy machine. */
const LONG = 180_000;
const soon = async (what: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !what(); i++) await new Promise((resolve) => { setTimeout(resolve, 50); });
  expect(what()).toBe(true);
};

interface Process { pid: number; parent: number; rank: number }
/** The ranks that a supervisor has started, by what their command lines say. */
function ranksOf(supervisor: number): Process[] {
  const found: Process[] = [];
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8"), parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      const options = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").find((word) => word.startsWith("{"));
      if (parent === supervisor && options) found.push({ pid: Number(name), parent, rank: (JSON.parse(options) as { rank: number }).rank });
    } catch { /* gone meanwhile */ }
  }
  return found.sort((a, b) => a.rank - b.rank);
}
const isGone = (pid: number): boolean => { try { process.kill(pid, 0); return false; } catch { return true; } };
const metrics = (run: string) => ofKind(eventsOf(run), "metrics");
const longRun = (mesh: object) => newRun(tinySpec({ mesh, training: { steps: 100_000 } }));

describe.skipIf(!engineIsBuilt)("a run on a mesh", () => {
  test("gives the losses of one process, and records what each rank did", async () => {
    const spec = tinySpec({ mesh: MESH }), alone = newRun(tinySpec({})), run = newRun(spec);
    expect((await start(alone).ended).code).toBe(0);
    expect(await start(run).ended).toMatchObject({ code: 0 });
    const losses = (path: string): number[] => metrics(path).map(({ values }) => Number(values["loss"]));
    expect(losses(run)).toHaveLength(24);
    losses(run).forEach((loss, i) => expect(loss).toBeCloseTo(losses(alone)[i]!, 3));
    const { values } = metrics(run).find(({ values }) => "mesh.0.compute" in values)!;
    for (let rank = 0; rank < 4; rank++) {
      expect(Number(values[`mesh.${rank}.compute`])).toBeGreaterThan(0);
      expect(Number(values[`mesh.${rank}.bytes.experts`])).toBeGreaterThan(0);
    }
    expect(values["mesh.4.compute"]).toBeUndefined();
  }, LONG);

  test("goes on from its checkpoint on one process, and on another mesh", async () => {
    const run = newRun(tinySpec({ mesh: MESH })), alone = newRun(tinySpec());
    const go = async (...words: string[]) => expect((await start(run, ...words).ended).code).toBe(0);
    await go("--steps", "8");
    await go("--steps", "16", "--mesh", "1,1,1");
    await go("--steps", "24", "--mesh", "1,2,2");
    // Of the two ranks along each axis, and of no others, something was recorded last.
    expect(metrics(run).at(-1)!.values).toMatchObject({ "mesh.axis.data": 1, "mesh.axis.expert": 2, "mesh.axis.model": 2 });
    expect((await start(alone).ended).code).toBe(0);
    const losses = (path: string): [number, number][] => metrics(path).map(({ step, values }) => [step, Number(values["loss"])]);
    expect(losses(run)).toHaveLength(24);
    // The schedule follows the steps asked for, but this one does not end at them.
    losses(run).forEach(([step, loss], i) => expect([step, loss.toFixed(2)]).toEqual([i + 1, losses(alone)[i]![1].toFixed(2)]));
  }, LONG);

  for (const rank of [0, 3]) test(`ends within 10 s and names rank ${rank} when that is killed; resume goes on`, async () => {
    const run = longRun(MESH);
    const { child, ended }: Attempt = start(run);
    await until(run, reached(6));
    const ranks = ranksOf(child.pid!);
    expect(ranks.map((entry) => entry.rank)).toEqual([0, 1, 2, 3]);
    const killed = Date.now();
    process.kill(ranks[rank]!.pid, "SIGKILL");
    await ended;
    expect(Date.now() - killed).toBeLessThan(10_000);
    expect(exitOf(run)).toMatchObject({ reason: "crashed", message: expect.stringMatching(new RegExp(`^Rank ${rank} \\(data ${rank === 0 ? 0 : 1}, expert ${rank === 0 ? 0 : 1}, model 0\\) was killed`)) });
    expect(ranks.every(({ pid }) => isGone(pid))).toBe(true);
    const before = metrics(run).at(-1)!.step, again = start(run);
    await until(run, reached(before + 3));
    again.child.kill("SIGTERM");
    expect(await again.ended).toMatchObject({ code: 0 });
    expect(exitOf(run)).toMatchObject({ reason: "stopped" });
  }, LONG);

  test("notices a rank that is stuck within 30 s", async () => {
    const run = longRun({ data: 2, expert: 1, model: 1 });
    const { child, ended } = start(run);
    await until(run, reached(2));
    const [, second] = ranksOf(child.pid!), stopped = Date.now();
    process.kill(second!.pid, "SIGSTOP");
    await ended;
    expect(Date.now() - stopped).toBeLessThan(30_000);
    expect(exitOf(run)).toMatchObject({ reason: "crashed", message: expect.stringContaining("Rank 1 (data 1, expert 0, model 0) has not answered") });
    expect(isGone(second!.pid)).toBe(true);
  }, LONG);

  test("leaves no rank behind when the supervisor is killed", async () => {
    const run = longRun(MESH);
    const { child, ended } = start(run);
    await until(run, reached(2));
    const ranks = ranksOf(child.pid!);
    child.kill("SIGKILL");
    await ended;
    await soon(() => ranks.every(({ pid }) => isGone(pid)));
  }, LONG);
});
