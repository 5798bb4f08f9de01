"""T5's span corruption (1910.10683 section 3.1.4), the same as trainer/data/spanCorruption.ts, for all rows of a batch at once.

Shape letters: B rows, R raw tokens, S spans.
"""

from typing import NamedTuple

import numpy as np

from .numbers import CounterRandoms


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


def segmentations(items: int, parts: int, random: CounterRandoms) -> np.ndarray:
    """(B, parts): cuts `items` into pieces of at least 1, uniformly among all ways, for each row."""
    rows = len(random)
    edges = np.zeros((rows, parts + 1), np.int64)
    edges[:, parts] = items
    cut = np.zeros(rows, np.int64)
    for i in range(1, items):
        waiting = cut < parts - 1
        if not waiting.any():
            break
        cuts = waiting & (random.below(items - i, waiting) < parts - 1 - cut)
        cut += cuts
        edges[cuts, cut[cuts]] = i
    return np.diff(edges)


def corrupt(raw: np.ndarray, lengths: SpanLengths, sentinels: list[int], end: int, random: CounterRandoms) -> tuple[np.ndarray, np.ndarray]:
    """Corrupted inputs (B, lengths.input) and their targets (B, lengths.target) of raw (B, R). Spans alternate, text first: an input is text 0, sentinel 0, text 1 ...
    end; its target sentinel 0, noise 0, sentinel 1 ... end."""
    rows = len(raw)
    noise = segmentations(lengths.noise, lengths.spans, random)
    text = segmentations(lengths.raw - lengths.noise, lengths.spans, random)
    # Edges of the alternating pieces: even ones begin text, odd ones noise.
    edges = np.cumsum(np.stack([text, noise], axis=2).reshape(rows, -1), axis=1)
    begins = np.zeros((rows, lengths.raw + 1), np.int64)
    np.put_along_axis(begins, edges, 1, axis=1)
    piece = np.cumsum(begins[:, :-1], axis=1)
    is_noise = piece % 2 == 1
    first = is_noise & (begins[:, :-1] == 1)
    sentinel = np.asarray(sentinels)[np.minimum(piece // 2, len(sentinels) - 1)]
    # Every row keeps as many tokens, so that what is kept falls into rows again.
    ends = np.full((rows, 1), end)
    source = np.where(first, sentinel, raw)[~is_noise | first].reshape(rows, -1)
    both = np.stack([sentinel, raw], axis=2)[np.stack([first, is_noise], axis=2)].reshape(rows, -1)
    return np.concatenate([source, ends], axis=1), np.concatenate([both, ends], axis=1)
