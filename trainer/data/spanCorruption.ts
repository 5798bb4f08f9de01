// T5's span corruption (1910.10683 §3.1.4; t5.data.preprocessors random_spans_noise_mask and its sentinels).
import type { CounterRandom } from "./random.ts";

export interface SpanLengths { rawLength: number; noise: number; spans: number; input: number; target: number }

/** Python's round: halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x), rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Lengths of input and target (with sentinels and end token) of a segment of `rawLength` ≥ 2 tokens. */
export function spanLengths(rawLength: number, rate: number, meanSpan: number): SpanLengths {
  const noise = Math.min(Math.max(roundHalfEven(rawLength * rate), 1), rawLength - 1);
  const spans = Math.min(Math.max(roundHalfEven(noise / meanSpan), 1), noise, rawLength - noise);
  return { rawLength, noise, spans, input: rawLength - noise + spans + 1, target: noise + spans + 1 };
}

/**
 * The longest segment whose input and target both fit (T5's compute_input_and_target_lengths fits the input and takes
 * what target comes out; here the target's length is given too), with no more spans than there are sentinels.
 * null when not even 2 tokens fit.
 */
export function fitSegment(inputLength: number, targetLength: number, rate: number, meanSpan: number, sentinels: number): SpanLengths | null {
  let best: SpanLengths | null = null;
  for (let raw = 2; raw <= inputLength + targetLength; raw++) {
    const lengths = spanLengths(raw, rate, meanSpan);
    if (lengths.input <= inputLength && lengths.target <= targetLength && lengths.spans <= sentinels) best = lengths;
  }
  return best;
}

/** Cuts `items` into `parts` pieces of at least 1, uniformly among all ways (T5's _random_segmentation). */
export function segmentation(items: number, parts: number, random: CounterRandom): number[] {
  const lengths: number[] = [];
  let start = 0, needed = parts - 1;
  for (let i = 1; i < items && needed > 0; i++) {
    if (random.below(items - i) < needed) { lengths.push(i - start); start = i; needed--; }
  }
  lengths.push(items - start);
  return lengths;
}

/**
 * Writes the corrupted input and its target. Spans alternate, text first: input is text₀ S₀ text₁ S₁ … end; target is
 * S₀ noise₀ S₁ noise₁ … end. The rest of both rows keeps what it had (padding).
 */
export function corrupt(raw: ArrayLike<number>, lengths: SpanLengths, sentinels: readonly number[], end: number, random: CounterRandom, input: Int32Array, target: Int32Array): void {
  const noise = segmentation(lengths.noise, lengths.spans, random);
  const text = segmentation(lengths.rawLength - lengths.noise, lengths.spans, random);
  let at = 0, i = 0, t = 0;
  for (let span = 0; span < lengths.spans; span++) {
    for (let n = text[span]!; n > 0; n--) input[i++] = raw[at++]!;
    input[i++] = target[t++] = sentinels[span]!;
    for (let n = noise[span]!; n > 0; n--) target[t++] = raw[at++]!;
  }
  input[i] = end;
  target[t] = end;
}
