// A run's events.jsonl under damage, while it grows, is cut and is replaced: reading throws nothing, and what is in the database is what reading the file
// once from its start gives.
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openWritable } from "../../db/database.ts";
import { addRun, removeRun } from "../../db/runRows.ts";
import { readSeries } from "../../db/series.ts";
import { storedRows } from "../fixtures/storedRows.ts";
import { EventStream, stepLines } from "../fixtures/writeRun.ts";
import { EventFile } from "../runs/eventFile.ts";
import { Chance, expectThat } from "./chance.ts";

const KEPT = "0199aaaa-0000-7000-8000-000000000001", AGAIN = "0199aaaa-0000-7000-8000-000000000002";

export class EventsFuzz {
  #folder: string;
  // Kills and cuts of the database are tried elsewhere; here many rounds count.
  #db = openWritable(":memory:");

  /** @param folder empty, for its files */
  constructor(folder: string) {
    this.#folder = folder;
  }

  round = (seed: number): void => {
    const chance = new Chance(seed), file = join(this.#folder, "events.jsonl"), run = this.#add(KEPT);
    writeFileSync(file, "");
    let reader = new EventFile(this.#db, run, file);
    const drain = () => { while (reader.readBatch().more); };
    let stream = new EventStream(1), step = 0;
    for (let turn = 2 + chance.below(12); turn > 0; turn--) {
      let lines = "";
      if (chance.odds(0.15)) {
        stream = new EventStream(stream.attempt + 1);
        step = chance.below(step + 1);
        lines += stream.line({ kind: "attempt", fromStep: step - 1, parameters: 1, device: "cpu", precision: "fp32" });
      }
      for (let steps = chance.below(40); steps > 0; steps--) lines += stepLines(stream, (step += chance.odds(0.95) ? 1 : chance.below(40) - 10, step = Math.max(0, step)), { experts: 2, every: 5, next: chance.next });
      const bytes = chance.odds(0.4) ? chance.damage(Buffer.from(lines)) : Buffer.from(lines);
      for (const piece of chance.pieces(bytes)) {
        appendFileSync(file, piece);
        if (chance.odds(0.02)) drain();
      }
      if (chance.odds(0.02)) appendFileSync(file, Buffer.alloc(1_200_000, 120));
      drain();
      // Another process goes on, or the file is another one.
      if (chance.odds(0.2)) reader = new EventFile(this.#db, run, file);
      const becomes = chance.below(20);
      if (becomes === 0) truncateSync(file, chance.below(statSync(file).size));
      else if (becomes === 1) writeFileSync(file, chance.damage(readFileSync(file)).subarray(0, chance.below(4000)));
      drain();
    }
    // Its last line ends.
    appendFileSync(file, "\n");
    drain();
    const again = this.#add(AGAIN), once = new EventFile(this.#db, again, file);
    while (once.readBatch().more);
    const [bit, whole] = [run, again].map((key) => storedRows(this.#db, key)) as [string[], string[]], at = bit.findIndex((row, i) => row !== whole[i]);
    expectThat(at < 0 && bit.length === whole.length, `Reading the file anew gives ${whole.length} rows and not ${bit.length}, ${whole[at]} in place of ${bit[at]}.`);
    for (const points of [2, 100]) {
      const [one, other] = [KEPT, AGAIN].map((id) => readSeries(this.#db, id, { name: "loss", points }));
      expectThat(JSON.stringify({ ...one, cursor: 0 }) === JSON.stringify({ ...other, cursor: 0 }), "A chart of it is another one.");
    }
    for (const key of [run, again]) removeRun(this.#db, key);
  };

  end(): void {
    this.#db.close();
  }

  #add(id: string): number {
    return addRun(this.#db, { id, spec: "{}", name: "fuzz", steps: 1, experts: null, sparseLayers: 0, createdAt: 1 });
  }
}
