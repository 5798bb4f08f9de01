"""Batches of input and target pairs as a pure function of (seed, position), the same as trainer/data/pairBatches.ts."""

from typing import Any

import numpy as np

from ..failure import RunFailure
from .batches import Batch, BatchSource, TextBatches
from .numbers import mix, permute
from .prepared import Prepared, is_count

_SHUFFLE = 5
_RECORD = 3
"""Numbers of a pair: where the input begins, its length, and that of the target, which follows it."""


class PairBatches:
    def __init__(self, prepared: Prepared, data: dict[str, Any], encoder: bool, seed: int, batch_size: int, evaluation_batches: int) -> None:
        index = prepared.index
        self._tokens, self._data, self._encoder, self._seed, self._size = prepared.tokens, data, encoder, seed, batch_size
        self._ids = prepared.ids("tokens.bin", index["tokens"])
        self._training, self._evaluation = (prepared.numbers(f"{name}.bin", index[name] * _RECORD, "<f8").reshape(-1, _RECORD) for name in ("training", "evaluation"))
        self.version = prepared.source.version
        if len(self._training) == 0 or len(self._evaluation) == 0:
            raise RunFailure("data-error", "The prepared pairs are empty; add pairs.")
        self.evaluation_batches = min(evaluation_batches, -(-len(self._evaluation) // batch_size))

    def training(self, position: int) -> Batch:
        count = len(self._training)

        def index(at: int) -> int:
            return permute(at % count, count, mix(self._seed, _SHUFFLE, at // count))

        return self._batch(self._training, [index(position + row) for row in range(self._size)])

    def evaluation(self, index: int) -> Batch:
        """Held-out pairs in the order of their files; the last batch may have fewer."""
        first = index * self._size
        return self._batch(self._evaluation, list(range(first, min(first + self._size, len(self._evaluation)))))

    def _batch(self, records: np.ndarray, indices: list[int]) -> Batch:
        tokens, length = self._tokens, self._data["targetLength"]
        labels = np.full((len(indices), length), tokens.pad, np.int32)
        if self._encoder:
            source = np.full((len(indices), self._data["inputLength"]), tokens.pad, np.int32)
            for row, index in enumerate(indices):
                for ids, to in zip(self._pair(records, index), (source[row], labels[row])):
                    # Cut before its end token is added, so that it is never lost.
                    cut = ids[:len(to) - 1]
                    to[:len(cut)] = cut
                    to[len(cut)] = tokens.end
            return {"input": source, "labels": labels}
        reads = labels.copy()
        for row, index in enumerate(indices):
            source, target = self._pair(records, index)
            predicted = np.append(target[:length - 1], tokens.end)
            read = source[:length - len(predicted)]
            labels[row, len(read):len(read) + len(predicted)] = predicted
            # Shifted right: position 0 holds the start token, whose id is the padding's.
            reads[row, 1:1 + len(read)] = read
            reads[row, 1 + len(read):len(read) + len(predicted)] = predicted[:-1]
        return {"labels": labels, "decoderInput": reads}

    def _pair(self, records: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        start, source, target = (int(x) for x in records[index])
        if start + source + target > len(self._ids):
            raise RunFailure("data-error", f"Pair {index} lies behind the end of the prepared text; send the data again.")
        ids = self._ids[start:start + source + target].astype(np.int32)
        return ids[:source], ids[source:]


def open_batches(prepared: Prepared, spec: dict[str, Any]) -> BatchSource:
    data, training = spec["data"], spec["training"]
    size, evaluation = training["batchSize"], training["evaluationBatches"]
    if data["objective"] != "text-to-text":
        return TextBatches(prepared, data, spec["seed"], size, evaluation)
    if not is_count(prepared.index.get("tokens")):
        raise RunFailure("data-error", f"{prepared.source.place} holds text where the objective needs pairs; send the data again.")
    return PairBatches(prepared, data, spec["model"]["architecture"] == "encoder-decoder", spec["seed"], size, evaluation)
