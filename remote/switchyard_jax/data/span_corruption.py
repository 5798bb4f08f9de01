"""T5's span corruption (1910.10683 section 3.1.4), the same as trainer/data/spanCorruption.ts."""

from typing import NamedTuple

import numpy as np

from .numbers import CounterRandom


class SpanLengths(NamedTuple):
    raw: int
    noise: int
    spans: int
    input: int
    target: int


def span_lengths(raw: int, rate: float, mean_span: float) -> SpanLengths:
    """Lengths of input and target, sentinels and end token included, of a segment of `raw` >= 2 tokens."""
    noise = min(max(round(raw * rate), 1), raw - 1)
    spans = min(max(round(noise / mean_span), 1), noise, raw - noise)
    return SpanLengths(raw, noise, spans, raw - noise + spans + 1, noise + spans + 1)


def fit_segment(input_length: int, target_length: int, rate: float, mean_span: float, sentinels: int) -> SpanLengths | None:
    """The longest segment whose input and target both fit, with no more spans than there are sentinels; None when not even 2 tokens fit."""
    best = None
    for raw in range(2, input_length + target_length + 1):
        lengths = span_lengths(raw, rate, mean_span)
        if lengths.input <= input_length and lengths.target <= target_length and lengths.spans <= sentinels:
            best = lengths
    return best


def segmentation(items: int, parts: int, random: CounterRandom) -> list[int]:
    """Cuts `items` into `parts` pieces of at least 1, uniformly among all ways."""
    lengths, start, needed = [], 0, parts - 1
    for i in range(1, items):
        if needed == 0:
            break
        if random.below(items - i) < needed:
            lengths.append(i - start)
            start, needed = i, needed - 1
    lengths.append(items - start)
    return lengths


def corrupt(raw: np.ndarray, lengths: SpanLengths, sentinels: list[int], end: int, random: CounterRandom, source: np.ndarray, target: np.ndarray) -> None:
    """Writes the corrupted input and its target. Spans alternate, text first; the rest of both rows keeps what it had (padding)."""
    noise = segmentation(lengths.noise, lengths.spans, random)
    text = segmentation(lengths.raw - lengths.noise, lengths.spans, random)
    at = i = t = 0
    for span in range(lengths.spans):
        source[i:i + text[span]] = raw[at:at + text[span]]
        i, at = i + text[span], at + text[span]
        source[i] = target[t] = sentinels[span]
        i, t = i + 1, t + 1
        target[t:t + noise[span]] = raw[at:at + noise[span]]
        t, at = t + noise[span], at + noise[span]
    source[i] = target[t] = end


