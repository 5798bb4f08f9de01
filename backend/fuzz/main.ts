// `npm run fuzz`: what reads bytes of others is given damaged ones, for as long as you like.
//   npm run fuzz                              everything, a minute each
//   npm run fuzz -- frames --minutes 10       one of them
//   npm run fuzz -- events --seed 81 --rounds 1    a round that failed, again
import { parseArgs } from "node:util";
import { fuzz, FUZZERS } from "./fuzz.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: "string", default: "1" }, seed: { type: "string" }, rounds: { type: "string" } } });
const unknown = positionals.find((name) => !Object.hasOwn(FUZZERS, name)), minutes = Number(values.minutes), rounds = Number(values.rounds ?? Infinity), seed = Number(values.seed ?? Date.now() % 1e9);
if (unknown !== undefined || !(minutes > 0) || !(rounds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(unknown === undefined ? "--minutes, --rounds and --seed are numbers above 0.\n" : `There is nothing called "${unknown}" to fuzz; choose from ${Object.keys(FUZZERS).join(", ")}.\n`);
  process.exit(2);
}
let failed = false;
for (const name of positionals.length > 0 ? positionals : Object.keys(FUZZERS)) {
  const outcome = fuzz(name, { seed, rounds, milliseconds: minutes * 60_000 });
  failed ||= outcome.failure !== null;
  process.stdout.write(`${name}: ${outcome.rounds} rounds from seed ${seed} in ${(outcome.milliseconds / 1000).toFixed(0)} s, ${outcome.grownMiB} MiB more memory than after the first ones.\n`);
  if (outcome.failure) process.stdout.write(`✗ ${outcome.failure}\n  again: npm run fuzz -- ${name} --seed ${outcome.failedSeed} --rounds 1\n`);
}
process.exit(failed ? 1 : 0);
