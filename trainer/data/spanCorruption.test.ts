// Span corruption against T5's own way of writing it, slowly: a mask of noise tokens first, then one pass over it for the
// input and one over its opposite for the target (t5.data.preprocessors: noise_span_to_unique_sentinel and
// nonnoise_span_to_unique_sentinel, each followed by the end token).
import { expect, test } from "vitest";
import { CounterRandom } from "./random.ts";
import { corrupt, fitSegment, segmentation, spanLengths } from "./spanCorruption.ts";

const END = 1, RATE = 0.15, MEAN = 3;
const SENTINELS = Array.from({ length: 125 }, (_, i) => 383 - i);

/** Replaces each run of masked tokens by the next sentinel and ends with the end token. */
function sentinelsForRuns(raw: number[], mask: boolean[]): number[] {
  const out: number[] = [];
  let used = 0;
  raw.forEach((id, at) => {
    if (!mask[at]) out.push(id);
    else if (at === 0 || !mask[at - 1]) out.push(SENTINELS[used++]!);
  });
  return [...out, END];
}

/** Which tokens are noise, read off a target: raw ids are all different, so each is in one of input and target. */
const maskOf = (raw: number[], target: number[]): boolean[] => raw.map((id) => target.includes(id));

function corrupted(length: number, seed: number): { raw: number[]; input: number[]; target: number[] } {
  const raw = Array.from({ length }, (_, i) => 1000 + i), lengths = spanLengths(length, RATE, MEAN);
  const input = new Int32Array(lengths.input + 3).fill(-7), target = new Int32Array(lengths.target + 3).fill(-7);
  corrupt(raw, lengths, SENTINELS, END, new CounterRandom(seed), input, target);
  // Nothing is written beyond the lengths that were promised.
  expect([...input.slice(lengths.input), ...target.slice(lengths.target)]).toEqual([-7, -7, -7, -7, -7, -7]);
  return { raw, input: [...input.slice(0, lengths.input)], target: [...target.slice(0, lengths.target)] };
}

/** Python's round(), as T5 uses it: to the nearest, halves to the even one. */
const pythonRound = (x: number): number => [Math.floor(x), Math.ceil(x)].sort((a, b) => Math.abs(a - x) - Math.abs(b - x) || (a % 2) - (b % 2))[0]!;

test.each([2, 3, 7, 10, 20, 30, 70, 128, 150, 512, 568])("%i tokens: input, target and counts are those of the reference", (length) => {
  for (let seed = 0; seed < 40; seed++) {
    const { raw, input, target } = corrupted(length, seed), mask = maskOf(raw, target);
    expect(input).toEqual(sentinelsForRuns(raw, mask));
    expect(target).toEqual(sentinelsForRuns(raw, mask.map((noise) => !noise)));
    const noise = mask.filter(Boolean).length, spans = mask.filter((is, at) => is && !mask[at - 1]).length;
    expect(noise).toBe(Math.min(Math.max(pythonRound(length * RATE), 1), length - 1));
    expect(spans).toBe(Math.min(Math.max(pythonRound(noise / MEAN), 1), noise, length - noise));
    // T5 begins with text and ends with noise.
    expect([mask[0], mask.at(-1)]).toEqual([false, true]);
  }
});

test("15 % of the tokens are hidden, in spans of 3 on average, everywhere in the text", () => {
  const length = 568, runs = 400, hidden = Array.from({ length }, () => 0);
  let noise = 0, spans = 0;
  for (let seed = 0; seed < runs; seed++) {
    const { raw, target } = corrupted(length, seed), mask = maskOf(raw, target);
    mask.forEach((is, at) => { if (is) hidden[at]!++; });
    noise += mask.filter(Boolean).length;
    spans += mask.filter((is, at) => is && !mask[at - 1]).length;
  }
  expect(noise / (runs * length)).toBeCloseTo(RATE, 3);
  expect(noise / spans).toBeCloseTo(MEAN, 1);
  // Away from the edges, ten positions together are hidden 15 % of the time: 600 hits expected, standard deviation about 40.
  for (let at = 60; at < length - 60; at += 10) expect(Math.abs(hidden.slice(at, at + 10).reduce((a, b) => a + b) - runs * 10 * RATE)).toBeLessThan(200);
});

test("every way of cutting is as likely as any other", () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const cut = segmentation(5, 3, new CounterRandom(seed)).join("+");
    seen.set(cut, (seen.get(cut) ?? 0) + 1);
  }
  expect([...seen.keys()].sort()).toEqual(["1+1+3", "1+2+2", "1+3+1", "2+1+2", "2+2+1", "3+1+1"]);
  // 1000 each; chi-squared with 5 degrees of freedom stays below 20.5 in 99.9 % of fair draws.
  expect([...seen.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5);
});

test("the longest segment that fits fills input and target, and one token more would not fit", () => {
  for (const [input, target, sentinels] of [[128, 48, 125], [128, 16, 125], [64, 64, 125], [512, 512, 10], [8, 4, 125]] as const) {
    const best = fitSegment(input, target, RATE, MEAN, sentinels)!;
    const fits = (raw: number) => { const { input: i, target: t, spans } = spanLengths(raw, RATE, MEAN); return i <= input && t <= target && spans <= sentinels; };
    expect(fits(best.rawLength)).toBe(true);
    for (let raw = best.rawLength + 1; raw < best.rawLength + 60; raw++) expect(fits(raw)).toBe(false);
  }
  expect(fitSegment(2, 2, RATE, MEAN, 125)).toBeNull();
});
