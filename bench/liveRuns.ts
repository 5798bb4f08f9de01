// Trainers that go on: node bench/liveRuns.ts RUNS COUNT PER_SECOND SECONDS appends events to run directories at a steady rate, and prints their ids first.
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { FILES } from "../contract/runDirectory.ts";
import { EventStream, random, stepLines, writeRun } from "../backend/fixtures/writeRun.ts";

const [runs, count, perSecond, seconds] = process.argv.slice(2);
const ids = Array.from({ length: Number(count) }, (_, i) => writeRun(runs!, { steps: 0, exit: null, seed: i + 1, name: `live-${i + 1}` }));
process.stdout.write(`${ids.join(" ")}\n`);
const EVERY_MILLISECONDS = 100, next = random(1);
const files = ids.map((id) => ({ descriptor: openSync(join(runs!, id, FILES.events), "a"), stream: new EventStream(1, 1_770_000_000), step: 0, begun: 2 }));
for (const file of files) file.stream.seq = file.begun;
const began = performance.now();
for (let at = EVERY_MILLISECONDS; at <= Number(seconds) * 1000; at += EVERY_MILLISECONDS) {
  // Routing every fifth step: as a trainer of four sparse layers writes it, 9 events in 5 steps.
  for (const file of files) {
    let lines = "";
    Object.assign(file.stream, { t: Date.now() / 1000, secondsApart: 0 });
    while (file.stream.seq - file.begun < (at * Number(perSecond)) / 1000) lines += stepLines(file.stream, ++file.step, { experts: 8, every: 5, next });
    if (lines !== "") writeSync(file.descriptor, lines);
  }
  await wait(Math.max(0, began + at - performance.now()));
}
for (const { descriptor } of files) closeSync(descriptor);
