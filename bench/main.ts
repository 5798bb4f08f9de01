// `npm run bench`: one table, each row two things measured in turn on this machine.
//   npm run bench                        all of it
//   npm run bench -- step diagnostics    parts of it
//   npm run bench -- --docs              and write it into docs/performance.md
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { devices } from "../native/load.ts";
import type { BenchRow } from "./benchRow.ts";
import { collectives } from "./collectives.ts";
import { diagnosticsCost } from "./diagnosticsCost.ts";
import { firstStep } from "./firstStep.ts";
import { importRate } from "./importRate.ts";
import { ingestRate } from "./ingestRate.ts";
import { matrixBound } from "./matrixBound.ts";
import { meshStep } from "./meshStep.ts";
import { openLargeRun } from "./openLargeRun.ts";
import { phases } from "./phases.ts";
import { plannedStep } from "./plannedStep.ts";
import { remoteRuns } from "./remoteRuns.ts";
import { againstJax, againstTransformers, againstVectorised } from "./rivals.ts";
import { markdownTable, methods } from "./table.ts";

const root = join(import.meta.dirname, "..");
const say = (line: string) => process.stderr.write(`▸ ${line}\n`);

const PARTS: Record<string, () => Promise<BenchRow[]>> = {
  step: () => againstTransformers(say),
  vectorised: () => againstVectorised(say),
  jax: () => againstJax(say),
  diagnostics: () => diagnosticsCost(),
  phases: async () => phases(),
  start: () => firstStep(say),
  bound: () => matrixBound(),
  mesh: async () => [...collectives(), ...await meshStep()],
  open: () => openLargeRun(undefined, say),
  ingest: () => ingestRate(),
  import: () => importRate(undefined, say),
  planner: () => plannedStep(),
  remote: () => remoteRuns(),
};

const BEGIN = "<!-- table -->", END = "<!-- end of table -->";

function writeDocs(text: string): void {
  const path = join(root, "docs/performance.md"), page = readFileSync(path, "utf8");
  const begin = page.indexOf(BEGIN), end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} has no place for the table: it needs ${BEGIN} and ${END}.`);
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`);
}

const args = process.argv.slice(2), docs = args.includes("--docs");
const asked = args.filter((arg) => !arg.startsWith("--"));
const unknown = args.find((arg) => (arg.startsWith("--") ? arg !== "--docs" : !(arg in PARTS)));
if (unknown) {
  process.stderr.write(`There is no benchmark "${unknown}"; choose from ${Object.keys(PARTS).join(", ")}, --docs.\n`);
  process.exit(2);
}

const { cpu } = await devices();
const machine = `${cpu.name}, ${cpu.physicalCores} cores, ${cpu.logicalCores} threads, ${Math.round(cpu.memoryBytes / 2 ** 30)} GiB, ${cpu.instructionSets.join(" ")}`;
const rows: BenchRow[] = [];
let failed = false;
for (const [name, measure] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  say(`${name} ...`);
  try {
    rows.push(...await measure());
  } catch (error) {
    failed = true;
    process.stderr.write(`✗ ${name} was not measured: ${(error as Error).message}\n`);
  }
}
const text = `Read on ${new Date().toISOString().slice(0, 10)} with \`npm run bench\` on: ${machine}.\n\n${markdownTable(rows)}\n\n${methods(rows)}`;
process.stdout.write(`${text}\n`);
mkdirSync(join(root, "build"), { recursive: true });
writeFileSync(join(root, "build/bench.json"), JSON.stringify({ machine, rows }, null, 2));
if (docs && !failed) writeDocs(text);
process.exit(failed ? 1 : 0);
