// MB a second of a TensorBoard event file: decoded to rows, imported as a run, and stored until its chart can be drawn; beside TensorBoard's own
// Python reader, and its accumulator, over a file of the same making.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHome, homeAt } from "../backend/home.ts";
import { findLogs } from "../backend/imports/findLogs.ts";
import { LogImport, SLICE_BYTES } from "../backend/imports/importLog.ts";
import { freshState } from "../backend/imports/logDecoder.ts";
import { decodeTensorBoard } from "../backend/imports/tensorBoard.ts";
import { Ingest } from "../backend/runs/ingest.ts";
import { openWritable } from "../db/database.ts";
import { readSeries } from "../db/series.ts";
import { onSlowQuery } from "../db/slowQueries.ts";
import { median, milliseconds, type BenchRow } from "./benchRow.ts";
import { tensorBoardPython } from "./peers/environment.ts";
import { writeScalarLog } from "./scalarLog.ts";

const FILE_BYTES = 150e6;
/** TensorBoard's reader would take minutes for the larger file. */
const PEER_BYTES = 5e6;
const ROUNDS = 3;
const NAME = "events.out.tfevents.1790000000.bench";

interface PeerSeconds { version: string; events: number; kept: number; read: number; accumulate: number }

/** @param bytes size of the file that Switchyard reads */
export async function importRate(bytes = FILE_BYTES, say: (line: string) => void = () => {}): Promise<BenchRow[]> {
  onSlowQuery(() => {});
  const python = tensorBoardPython(say), directory = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  try {
    const [own, peer] = ["own", "peer"].map((name) => join(directory, name)) as [string, string];
    for (const folder of [own, peer]) mkdirSync(folder);
    say(`Writing an event file of ${bytes / 1e6} MB ...`);
    const scalars = writeScalarLog(join(own, NAME), bytes), peerScalars = writeScalarLog(join(peer, NAME), PEER_BYTES);
    const size = statSync(join(own, NAME)).size / 1e6, peerSize = statSync(join(peer, NAME)).size / 1e6;
    const rates = { decode: [] as number[], import: [] as number[], chart: [] as number[], read: [] as number[], accumulate: [] as number[] };
    let version = "";
    for (let round = 0; round < ROUNDS; round++) {
      say(`Round ${round + 1} of ${ROUNDS} ...`);
      let decoded = 0;
      rates.decode.push(size * 1000 / await milliseconds(() => { decoded = decode(join(own, NAME)); }));
      if (decoded !== scalars) throw new Error(`${decoded} scalars were decoded of ${scalars}.`);
      const { imported, stored } = await importAndStore(own, join(directory, `home-${round}`));
      rates.import.push(size * 1000 / imported);
      rates.chart.push(size * 1000 / (imported + stored));
      const seconds = JSON.parse(execFileSync(python, [join(import.meta.dirname, "peers/eventFileLoader.py"), join(peer, NAME)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })) as PeerSeconds;
      if (seconds.events !== peerScalars || seconds.kept !== peerScalars) throw new Error(`TensorBoard read ${seconds.events} events and kept ${seconds.kept} of ${peerScalars}.`);
      rates.read.push(peerSize / seconds.read);
      rates.accumulate.push(peerSize / seconds.accumulate);
      version = seconds.version;
    }
    const method = `median of ${ROUNDS} rounds in turn; ${size.toFixed(0)} MB in one file, ${scalars.toLocaleString("en")} scalars of ${(size * 1e6 / scalars).toFixed(0)} bytes with their checksums, 13 a step, one a record; `
      + `imported as a run: events.jsonl written and flushed; to its chart: also read into SQLite, one process after the other, and a chart of 1,000 points read; tensorboard ${version} without TensorFlow, ${peerSize.toFixed(0)} MB of the same making`;
    const row = (benchmark: string, measured: number[], against: string, reference: number[]): BenchRow => ({ benchmark, measured: median(measured), against, reference: median(reference), unit: "MB/s", method });
    return [
      row("event file decoded to rows", rates.decode, "tensorboard's event file loader", rates.read),
      row("event file imported as a run", rates.import, "tensorboard's event file loader", rates.read),
      row("event file imported, to its chart", rates.chart, "tensorboard's EventAccumulator, every scalar kept", rates.accumulate),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Decodes a file in slices, as an import does, and keeps no row. @returns how many scalars it holds */
function decode(file: string): number {
  const descriptor = openSync(file, "r"), state = freshState(), slice = Buffer.allocUnsafe(SLICE_BYTES);
  let scalars = 0;
  for (let offset = 0, length; (length = readSync(descriptor, slice, 0, slice.length, offset)) > 0;) {
    const { consumed, rows } = decodeTensorBoard(slice.subarray(0, length), state);
    if (consumed === 0) break;
    for (const { values } of rows) scalars += values.length;
    offset += consumed;
  }
  closeSync(descriptor);
  return scalars;
}

/** Milliseconds of `switchyard import`, and of what the window's backend does with the run. */
async function importAndStore(logs: string, directory: string): Promise<{ imported: number; stored: number }> {
  const home = homeAt(directory);
  createHome(home);
  const log = await LogImport.open(home, findLogs(logs, null)[0]!, { metrics: {}, columns: {} });
  const imported = await milliseconds(() => {
    log.read();
    log.end();
  });
  const db = openWritable(home.database), problems: string[] = [];
  const ingest = new Ingest(db, home.runs, { changed: () => {}, removed: () => {}, problem: (message) => problems.push(message) });
  let points = 0;
  const stored = await milliseconds(async () => {
    await ingest.start();
    points = readSeries(db, log.runId, { name: "loss", points: 1000 })?.step.length ?? 0;
  });
  await ingest.stop();
  db.close();
  rmSync(directory, { recursive: true });
  if (problems.length > 0 || points === 0) throw new Error(problems[0] ?? "the imported run has no loss to draw.");
  return { imported, stored };
}

if (import.meta.main) console.table(await importRate(Number(process.argv[2] ?? FILE_BYTES), console.log));
