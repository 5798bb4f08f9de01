// Reads a run directory as the backend does, every line and file by its schema: node readRun.ts RUN_DIRECTORY.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RunEvent } from "../../contract/events.ts";
import { ExitFile, HeartbeatFile, ProcessFile } from "../../contract/runDirectory.ts";
import { listCheckpoints, damageOf } from "../../trainer/run/checkpoints.ts";

const run = process.argv[2]!;
const read = (name: string): string => readFileSync(join(run, name), "utf8");
let seq = 0;
const lines = read("events.jsonl").trimEnd().split("\n");
for (const line of lines) {
  const event = RunEvent.parse(JSON.parse(line));
  if (event.seq !== seq++) throw new Error(`Event ${event.seq} came where ${seq - 1} was awaited.`);
}
ProcessFile.parse(JSON.parse(read("process.json")));
HeartbeatFile.parse(JSON.parse(read("heartbeat.json")));
const checkpoints = listCheckpoints(run);
for (const checkpoint of checkpoints) {
  const wrong = await damageOf(checkpoint);
  if (wrong !== null) throw new Error(wrong);
}
process.stdout.write(JSON.stringify({ events: lines.length, checkpoints: checkpoints.map(({ manifest }) => manifest.step).reverse(), exit: ExitFile.parse(JSON.parse(read("exit.json"))).reason }));
