// npm test [-- SUITE ...]: runs all suites, or those named. One that fails does not stop the others; the last line sums up.
import { add, type Counts, none, summaryLine } from "./testing/counts.ts";
import { type Suite, suites } from "./testing/suites.ts";

const names = process.argv.slice(2);
const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
if (unknown !== undefined) {
  process.stderr.write(`There is no suite "${unknown}". Use any of: ${suites.map((suite) => suite.name).join(", ")}.\n`);
  process.exit(2);
}

async function runSuite(suite: Suite): Promise<Counts> {
  process.stdout.write(`\n━━ ${suite.name}: ${suite.about} ${"━".repeat(Math.max(0, 70 - suite.name.length - suite.about.length))}\n`);
  const started = Date.now();
  let counts: Counts;
  try {
    counts = await suite.run();
  } catch (error) {
    process.stdout.write(`The suite could not be run: ${error instanceof Error ? error.stack : String(error)}\n`);
    counts = { ...none, failed: 1 };
  }
  process.stdout.write(`── ${suite.name}: ${summaryLine(counts)} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return counts;
}

const results: [Suite, Counts][] = [];
for (const suite of suites) {
  if (names.length === 0 || names.includes(suite.name)) results.push([suite, await runSuite(suite)]);
}

const total = results.reduce((sum, [, counts]) => add(sum, counts), none);
process.stdout.write("\n");
for (const [suite, counts] of results) process.stdout.write(`${counts.failed > 0 ? "✗" : "✓"} ${suite.name.padEnd(7)} ${summaryLine(counts)}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
process.stdout.write(`${summaryLine(total)}\n`);
