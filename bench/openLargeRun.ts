// Opening a run of 10 million points beside one of ten thousand: what the window asks for when a run is clicked.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEvent } from "../contract/events.ts";
import { RunSpec } from "../contract/runSpec.ts";
import { Application } from "../backend/application.ts";
import { createHome, homeAt } from "../backend/home.ts";
import { newRunId } from "../backend/runs/launch.ts";
import { random, writeRun } from "../backend/fixtures/writeRun.ts";
import { RunWriter } from "../db/applyEvents.ts";
import { runKey } from "../db/runRows.ts";
import { onSlowQuery } from "../db/slowQueries.ts";
import { median, milliseconds, type BenchRow } from "./benchRow.ts";

const LARGE = 10_000_000;
const SMALL = 10_000;
const ROUNDS = 31;
const BATCH = 20_000;

/** Points of a noisy curve with spikes, stored through the writer that ingest uses. */
function fill(application: Application, id: string, points: number): void {
  const writer = new RunWriter(application.db, runKey(application.db, id)!);
  const next = random(3);
  for (let step = 1; step <= points; step += BATCH) {
    const events: RunEvent[] = [];
    for (let s = step; s < Math.min(step + BATCH, points + 1); s++)
      events.push({ v: 1, attempt: 1, seq: s, t: s, kind: "metrics", step: s, tokens: s * 2816, seconds: s, values: { loss: 2 + 3 * Math.exp(-s / points) + next() + (s % 99_991 === 0 ? 50 : 0) } });
    writer.apply({ events, offset: 0, unparsable: 0, oversized: 0 });
  }
}

/** @param largest points of the larger run */
export async function openLargeRun(largest = LARGE, say: (line: string) => void = () => {}): Promise<BenchRow[]> {
  // Batches this large are slow on purpose.
  onSlowQuery(() => {});
  const directory = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  const home = homeAt(directory);
  createHome(home);
  const runs = { small: newRunId(), large: newRunId() };
  const spec = RunSpec.parse({ training: { steps: largest } });
  for (const id of Object.values(runs)) writeRun(home.runs, { id, steps: 0, spec });
  const application = new Application({ home });
  try {
    await application.caughtUp;
    for (const [size, points] of [["small", SMALL], ["large", largest]] as const) {
      say(`Storing ${points.toLocaleString("en")} points ...`);
      fill(application, runs[size], points);
    }
    const open = async (runId: string) => {
      await application.send("runs.get", { runId });
      await application.send("metrics.series", { runId, name: "loss", points: 1000 });
    };
    const zoom = (runId: string, points: number) => application.send("metrics.series", { runId, name: "loss", points: 1000, from: Math.floor(points * 0.4321), to: Math.floor(points * 0.8765) });
    const times = { open: { small: [] as number[], large: [] as number[] }, zoom: { small: [] as number[], large: [] as number[] } };
    for (let round = 0; round < ROUNDS; round++)
      for (const [size, points] of [["large", largest], ["small", SMALL]] as const) {
        times.open[size].push(await milliseconds(() => open(runs[size])));
        times.zoom[size].push(await milliseconds(() => zoom(runs[size], points)));
      }
    const method = `median of ${ROUNDS} rounds in turn, 1,000 points asked for, through the backend's requests and reader threads`;
    const row = (what: string, { small, large }: { small: number[]; large: number[] }): BenchRow => ({
      benchmark: `${what} a run of ${largest.toLocaleString("en")} points`, measured: median(large),
      against: `the same with ${SMALL.toLocaleString("en")} points`, reference: median(small), unit: "ms", method,
    });
    return [row("open", times.open), row("zoom into 44% of", times.zoom)];
  } finally {
    await application.close();
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) console.table(await openLargeRun(Number(process.argv[2] ?? LARGE), console.log));
