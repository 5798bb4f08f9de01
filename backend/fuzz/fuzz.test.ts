// A few seconds of each; `npm run fuzz` goes on for minutes.
import { expect, test } from "vitest";
import { fuzz, FUZZERS } from "./fuzz.ts";

test.each(Object.keys(FUZZERS))("%s of random damage are read without harm, in bounded memory", { timeout: 60_000 }, (name) => {
  const outcome = fuzz(name, { seed: 1, rounds: 1000, milliseconds: 4000 });
  expect(outcome.failure).toBeNull();
  expect(outcome.rounds).toBeGreaterThan(5);
});

test("a failure says from which seed it comes again", () => {
  FUZZERS["failing"] = () => ({ round: (seed) => { if (seed === 7) throw new Error("found"); }, end: () => {} });
  expect(fuzz("failing", { seed: 3, rounds: 10, milliseconds: 30_000 })).toMatchObject({ rounds: 4, failedSeed: 7, failure: expect.stringContaining("found") });
  FUZZERS["leaking"] = () => {
    const held: number[][] = [];
    return { round: (seed) => { if (seed > 201) held.push(Array.from({ length: 1_000_000 }, (_, i) => i)); }, end: () => {} };
  };
  expect(fuzz("leaking", { seed: 1, rounds: 215, milliseconds: 30_000 }).failure).toMatch(/Memory grew by \d+ MiB in 215 rounds/);
});
