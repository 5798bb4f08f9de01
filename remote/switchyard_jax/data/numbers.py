"""Random numbers as a pure function of a key and a counter, the same as trainer/data/random.ts: a data position is one integer, with nothing to save."""

import math

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


class CounterRandom:
    """A stream of numbers below a bound; the n-th is mix(key, n)."""

    def __init__(self, *key: int) -> None:
        self._key = mix(*key)
        self._counter = 0

    def below(self, bound: int) -> int:
        # A quotient by a power of two is exact, and so is the product: both are what JavaScript's numbers give.
        drawn = int(mix(self._key, self._counter) / 2 ** 32 * bound)
        self._counter += 1
        return drawn


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
