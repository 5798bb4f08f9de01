// Events a second from events.jsonl into SQLite, beside reading and checking the same lines without storing them, and
// beside one transaction an event.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FILES } from "../contract/runDirectory.ts";
import { createHome, homeAt } from "../backend/home.ts";
import { EventFile, parseEventLine } from "../backend/runs/eventFile.ts";
import { writeRun } from "../backend/fixtures/writeRun.ts";
import { RunWriter } from "../db/applyEvents.ts";
import { openWritable, type WritableDB } from "../db/database.ts";
import { addRun } from "../db/runRows.ts";
import { median, milliseconds, type BenchRow } from "./benchRow.ts";

const STEPS = 5000;
const ROUNDS = 5;

/** @param steps steps of the run, each with 15 metrics, routing of 4 layers every fifth, an evaluation every hundredth */
export async function ingestRate(steps = STEPS): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  try {
    const home = homeAt(directory);
    createHome(home);
    const id = writeRun(home.runs, { steps });
    const file = join(home.runs, id, FILES.events);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    let databases = 0;
    const fresh = (): { db: WritableDB; run: number } => {
      const db = openWritable(join(directory, `rate-${databases++}.db`));
      return { db, run: addRun(db, { id, spec: "{}", name: "rate", steps, experts: 8, sparseLayers: 4, createdAt: 1 }) };
    };
    const times = { ingest: [] as number[], check: [] as number[], single: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      const batched = fresh();
      const events = new EventFile(batched.db, batched.run, file);
      times.ingest.push(await milliseconds(() => { while (events.readBatch().more); }));
      batched.db.close();

      times.check.push(await milliseconds(() => { for (const line of lines) parseEventLine(line); }));

      const single = fresh(), writer = new RunWriter(single.db, single.run);
      times.single.push(await milliseconds(() => {
        let offset = 0;
        for (const line of lines) {
          const event = parseEventLine(line);
          offset += line.length + 1;
          if (event !== "unparsable") writer.apply({ events: [event], offset, unparsable: 0, oversized: 0 });
        }
      }));
      single.db.close();
    }
    const rate = (milliseconds: number[]) => lines.length / (median(milliseconds) / 1000);
    const method = `median of ${ROUNDS} rounds in turn over ${lines.length.toLocaleString("en")} events of a run with 4 sparse layers and 15 metrics a step`;
    return [
      { benchmark: "ingest rate", measured: rate(times.ingest), against: "one transaction an event", reference: rate(times.single), unit: "events/s", method },
      { benchmark: "ingest rate", measured: rate(times.ingest), against: "only reading and checking the lines", reference: rate(times.check), unit: "events/s", method },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) console.table(await ingestRate(Number(process.argv[2] ?? STEPS)));
