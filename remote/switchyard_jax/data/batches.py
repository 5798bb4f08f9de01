"""Batches as a pure function of (seed, position), the same as trainer/data/batches.ts: resuming at a position repeats exactly what would have come."""

from typing import Any, Protocol

import numpy as np

from ..failure import RunFailure
from .numbers import CounterRandoms, below, mix, permute
from .prepared import Prepared
from .span_corruption import corrupt, fit_segment, span_lengths

Batch = dict[str, np.ndarray]
"""int32 (B, length): labels, input of an encoder, decoderInput where it is not the labels shifted right."""

_SHUFFLE, _OFFSET, _NOISE, _EVALUATION = 1, 2, 3, 4
SHORTEST = 8
"""Fewest tokens that make an example worth training on."""


class BatchSource(Protocol):
    evaluation_batches: int
    """Distinct batches of held-out examples."""
    version: str
    """Of the data, where it has one: the same position in another is another batch."""

    def training(self, position: int) -> Batch: ...
    def evaluation(self, index: int) -> Batch: ...


class TextBatches:
    """Windows of text: corrupted spans, or the text itself to be predicted."""

    def __init__(self, prepared: Prepared, data: dict[str, Any], seed: int, batch_size: int, evaluation_batches: int) -> None:
        self._tokens, self._data, self._seed, self._size = prepared.tokens, data, seed, batch_size
        self._training = prepared.ids("training.bin", prepared.index["training"])
        self._evaluation = prepared.ids("evaluation.bin", prepared.index["evaluation"])
        self.version = prepared.source.version
        self._spans = None
        self.raw_length = data["targetLength"]
        if data["objective"] == "span-corruption":
            self._spans = fit_segment(data["inputLength"], data["targetLength"], data["corruptionRate"], data["meanSpanLength"], len(prepared.tokens.sentinels))
            if self._spans is None:
                raise RunFailure("spec-error", f"No corrupted segment fits an input of {data['inputLength']} and a target of {data['targetLength']} tokens; make the lengths larger.")
            self.raw_length = self._spans.raw
        if len(self._training) < self.raw_length:
            raise RunFailure("data-error", f"The training text has {len(self._training)} tokens, fewer than the {self.raw_length} of one example; add text or shorten the sequences.")
        if len(self._evaluation) < min(SHORTEST, self.raw_length):
            raise RunFailure("data-error", f"The held-out text has only {len(self._evaluation)} tokens; add text or hold out a larger part.")
        self.examples_per_epoch = len(self._training) // self.raw_length
        self._evaluation_length = min(self.raw_length, len(self._evaluation))
        self._windows = len(self._evaluation) // self._evaluation_length
        self.evaluation_batches = min(evaluation_batches, -(-self._windows // batch_size))

    def training(self, position: int) -> Batch:
        starts, keys = [], []
        # Windows begin elsewhere in each epoch, so that their edges are not always at the same words.
        slack = len(self._training) - self.examples_per_epoch * self.raw_length + 1
        for at in range(position, position + self._size):
            epoch, index = divmod(at, self.examples_per_epoch)
            window = permute(index, self.examples_per_epoch, mix(self._seed, _SHUFFLE, epoch))
            starts.append(below(slack, mix(self._seed, _OFFSET, epoch), 0) + window * self.raw_length)
            keys.append(mix(self._seed, _NOISE, at >> 32, at & 0xFFFFFFFF))
        return self._batch(self._training, starts, self.raw_length, keys)

    def evaluation(self, index: int) -> Batch:
        length, places = self._evaluation_length, range(index * self._size, (index + 1) * self._size)
        return self._batch(self._evaluation, [at % self._windows * length for at in places], length, [mix(_EVALUATION, at) for at in places])

    def _batch(self, ids: np.ndarray, starts: list[int], length: int, keys: list[int]) -> Batch:
        data, tokens = self._data, self._tokens
        raw = np.stack([ids[start:start + length] for start in starts])
        if not self._spans:
            return {"labels": self._padded(raw, data["targetLength"])}
        lengths = self._spans if length == self.raw_length else span_lengths(length, data["corruptionRate"], data["meanSpanLength"])
        source, target = corrupt(raw, lengths, tokens.sentinels, tokens.end, CounterRandoms(keys))
        return {"input": self._padded(source, data["inputLength"]), "labels": self._padded(target, data["targetLength"])}

    def _padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        whole = np.full((len(rows), length), self._tokens.pad, np.int32)
        whole[:, :rows.shape[1]] = rows
        return whole


def count_tokens(batch: Batch, pad: int) -> int:
    """Tokens of a batch that are not padding, what is read and what is predicted together."""
    predicted = batch["labels"] != pad
    if "decoderInput" in batch:
        predicted = predicted | (batch["decoderInput"] != pad)
    return int(predicted.sum()) + (int((batch["input"] != pad).sum()) if "input" in batch else 0)
