"""Random numbers as a pure function of a key and a counter, the same as trainer/data/random.ts: a data position is one integer, with nothing to save."""

import math

import numpy as np

_WORD = 0xFFFFFFFF


def mix(*words: int) -> int:
    """Mixes integers into 32 well-spread bits (MurmurHash3's finaliser, chained)."""
    h = 0x9E3779B9
    for word in words:
        h ^= (word * 0xCC9E2D51) & _WORD
        h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _WORD
        h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _WORD
        h ^= h >> 16
    return h


def below(bound: int, *key: int) -> int:
    """A number below a bound. A quotient by a power of two is exact, and so is the product: both are what JavaScript's numbers give."""
    return int(mix(*key) / 2 ** 32 * bound)


class CounterRandoms:
    """A stream of numbers for each of B rows: the n-th of a row is that of mix(key, n), CounterRandom in the TypeScript."""

    def __init__(self, keys: list[int]) -> None:
        # mix works through its words one after another, so that the key is gone through once.
        self._states = np.asarray([mix(key) for key in keys], np.uint32)
        self._counters = np.zeros(len(keys), np.uint32)

    def __len__(self) -> int:
        return len(self._states)

    def below(self, bound: int, rows: np.ndarray) -> np.ndarray:
        """(B,) numbers below a bound; only `rows` (B,) of true take one, what stands in the others means nothing."""
        h = self._states ^ (self._counters * np.uint32(0xCC9E2D51))
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
        self._counters += rows.astype(np.uint32)
        return (h / 2.0 ** 32 * bound).astype(np.int64)


def permute(index: int, size: int, key: int) -> int:
    """Where `index` goes in a pseudo-random permutation of 0..size - 1 chosen by `key`: a four-round Feistel network over the next even power of two,
    walked until it lands inside."""
    half = max(1, math.ceil(math.log2(max(2, size)) / 2))
    span = 1 << half
    at = index
    while True:
        left, right = at // span, at % span
        for turn in range(4):
            left, right = right, (left ^ mix(key, turn, right)) & (span - 1)
        at = left * span + right
        if at < size:
            return at
