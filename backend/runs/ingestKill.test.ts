// Killed anywhere, any number of times, ingest loses and doubles nothing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FILES } from "../../contract/runDirectory.ts";
import { openReadable, statement } from "../../db/database.ts";
import { readSeries } from "../../db/series.ts";
import { temporaryHome } from "../fixtures/temporaryHome.ts";
import { EventStream, random, writeRun } from "../fixtures/writeRun.ts";

const KILLS = 200;
const PROGRAM = fileURLToPath(new URL("../fixtures/ingestHome.ts", import.meta.url));

async function ingestUntilKilled(home: string, milliseconds: number): Promise<boolean> {
  const child = spawn(process.execPath, [PROGRAM, home], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const exited = once(child, "exit");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  child.kill("SIGKILL");
  const [, signal] = await exited;
  return signal === "SIGKILL";
}

test(`nothing is lost or doubled when ingest is killed ${KILLS} times`, { timeout: 180_000 }, async () => {
  const home = temporaryHome();
  const id = writeRun(home.runs, { steps: 0, exit: null });
  const file = join(home.runs, id, FILES.events);
  writeFileSync(file, "");
  const next = random(7);

  // What must be there in the end, worked out from the events alone.
  const losses = new Map<number, number>();
  const evaluations = new Map<number, number>();
  const routed = new Map<number, number[]>();
  let logged = 0;
  let events = 0;
  let stream = new EventStream(1);
  let step = 0;
  const begin = (fromStep: number) => {
    step = fromStep;
    for (const map of [losses, evaluations, routed]) for (const known of [...map.keys()]) if (known > fromStep) map.delete(known);
    events++;
    return stream.line({ kind: "attempt", fromStep, parameters: 1, device: "cpu", precision: "fp32" });
  };
  const more = (steps: number): string => {
    let text = "";
    for (let i = 0; i < steps; i++) {
      step++;
      const loss = step % 501 === 0 ? NaN : next();
      losses.set(step, loss);
      text += stream.line({ kind: "metrics", step, tokens: step * 10, seconds: step, values: { loss: Number.isNaN(loss) ? "NaN" : loss, overload: 1 + next() } });
      events++;
      if (step % 10 === 0) {
        const load = [Math.floor(next() * 100), Math.floor(next() * 100)];
        routed.set(step, load);
        text += stream.line({ kind: "routing", step, stack: "decoder", layer: 1, experts: 2, capacity: 50, groups: 1, tokens: 100, load, kept: load, probability: load, entropy: 0.5, confidence: 0.5, dropped: 0, auxiliaryLoss: 1, zLoss: 0, dropAtCapacityFactor: [] });
        events++;
      }
      if (step % 50 === 0) {
        evaluations.set(step, next());
        text += stream.line({ kind: "evaluation", step, tokens: step * 10, seconds: step, values: { "evaluation.loss": evaluations.get(step)! } });
        text += stream.line({ kind: "log", step, level: "info", message: `step ${step}` });
        events += 2;
        logged++;
      }
    }
    return text;
  };

  let waiting = begin(0) + more(6000);
  let [kills, interrupted] = [0, 0];
  for (let i = 0; i < KILLS; i++) {
    // The trainer goes on meanwhile; its last line is often torn.
    waiting += more(500);
    if (i % 40 === 39) {
      stream = new EventStream(stream.attempt + 1);
      waiting += begin(Math.floor(step * (0.5 + next() / 2))) + more(300);
    }
    const cut = Math.floor(waiting.length * (0.6 + 0.4 * next()));
    appendFileSync(file, waiting.slice(0, cut));
    waiting = waiting.slice(cut);
    if (await ingestUntilKilled(home.directory, next() * 60)) kills++;
    const db = openReadable(home.database);
    const { offset } = statement<{ offset: number }>(db, "SELECT coalesce(max(offset), 0) AS offset FROM run").get()!;
    db.close();
    if (statSync(file).size - offset > 1000) interrupted++;
  }
  appendFileSync(file, waiting);
  expect(kills).toBe(KILLS);
  // The kills did interrupt work, and not only an idle process.
  expect(interrupted).toBeGreaterThan(KILLS / 10);

  const last = spawn(process.execPath, [PROGRAM, home.directory, "--once"], { stdio: "ignore" });
  expect((await once(last, "exit"))[0]).toBe(0);

  const db = openReadable(home.database);
  const values = (name: string) => new Map(statement<{ step: number; value: number | null }>(db,
    "SELECT step, value FROM value JOIN metric USING (metric) WHERE name = ?").all(name).map((row) => [row.step, row.value ?? NaN]));
  expect(values("loss")).toEqual(losses);
  expect(values("evaluation.loss")).toEqual(evaluations);
  expect(statement<{ step: number }>(db, "SELECT step FROM routing ORDER BY step").all().map((row) => row.step)).toEqual([...routed.keys()].sort((a, b) => a - b));
  expect(statement<{ step: number }>(db, "SELECT step FROM log ORDER BY ordinal").all()).toHaveLength(logged);
  expect(statement(db, "SELECT ordinal, repeated, missing, unparsable FROM run").get()).toEqual({ ordinal: events, repeated: 0, missing: 0, unparsable: 0 });
  expect(statement<{ ok: string }>(db, "SELECT integrity_check AS ok FROM pragma_integrity_check").all()).toEqual([{ ok: "ok" }]);

  // The pyramid agrees with the rows at every level.
  const finite = [...losses.values()].filter((value) => !Number.isNaN(value));
  for (const points of [2, 20, 200, 2000]) {
    const series = readSeries(db, id, { name: "loss", points })!;
    expect(series.count).toBe(losses.size);
    expect(Math.min(...series.min.map(Number).filter((value) => !Number.isNaN(value)))).toBe(Math.min(...finite));
    expect(Math.max(...series.max.map(Number).filter((value) => !Number.isNaN(value)))).toBe(Math.max(...finite));
  }
  db.close();
});
