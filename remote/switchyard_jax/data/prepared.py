"""What was prepared of a run's data on the machine that started it: token files in a folder that data.json in the run directory names.

{"v": 1, "directory": "/home/ada/.switchyard/data/prepared-<sha256>", "tokenizer": {"vocabularySize": 384, "pad": 0, "end": 1, "sentinels": [383, ...]}}

`tokenizer` may be left out where the spec's is bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..failure import RunFailure

DATA_FILE = "data.json"


@dataclass(frozen=True)
class Tokens:
    """What is known of a tokenizer here: text is never read."""

    vocabulary: int
    pad: int
    end: int
    sentinels: list[int]


BYTES = Tokens(384, 0, 1, [383 - i for i in range(125)])
"""The byte tokenizer, ByT5's layout (contract/dataSpec.ts)."""


@dataclass(frozen=True)
class Prepared:
    folder: Path
    index: dict[str, Any]
    tokens: Tokens

    def numbers(self, name: str, count: int, kind: Any) -> np.ndarray:
        """A file of so many numbers, read where it is touched."""
        path = self.folder / name
        try:
            if path.stat().st_size < count * np.dtype(kind).itemsize:
                raise RunFailure("data-error", f"The prepared text {path} was cut short; send the data again.")
            # A plain view of it: slicing a memmap itself costs more than the batch.
            return np.memmap(path, dtype=kind, mode="r", shape=(count,)).view(np.ndarray) if count else np.zeros(0, kind)
        except OSError as error:
            raise RunFailure("data-error", f"{path} can't be read ({error.strerror}); send the data again.") from error

    def ids(self, name: str, count: int) -> np.ndarray:
        return self.numbers(name, count, "<u2" if self.index["bytesPerToken"] == 2 else "<u4")


def _read(path: Path, what: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf8"))
        if isinstance(value, dict) and value.get("v") == 1:
            return value
    except OSError as error:
        raise RunFailure("data-error", f"{path} can't be read ({error.strerror}); {what}.") from error
    except ValueError as error:
        raise RunFailure("data-error", f"{path} is damaged; {what}.") from error
    raise RunFailure("data-error", f"{path} is of another version; {what}.")


def _tokens(path: Path, file: dict[str, Any], tokenizer: dict[str, Any]) -> Tokens:
    facts = file.get("tokenizer")
    if facts is None:
        if tokenizer["kind"] == "bytes":
            return BYTES
        raise RunFailure("data-error", f"{path} does not say which ids the tokenizer gives to padding, end and sentinels; send the data again.")
    try:
        return Tokens(int(facts["vocabularySize"]), int(facts["pad"]), int(facts["end"]), [int(id) for id in facts["sentinels"]])
    except (KeyError, TypeError, ValueError) as error:
        raise RunFailure("data-error", f"{path} describes no tokenizer; send the data again.") from error


def open_prepared(run: Path, tokenizer: dict[str, Any]) -> Prepared:
    """tokenizer: the spec's."""
    path = run / DATA_FILE
    file = _read(path, "start the run again from where its data is")
    folder = Path(str(file.get("directory", "")))
    if not folder.is_absolute():
        raise RunFailure("data-error", f"{path} names no folder of prepared data; start the run again from where its data is.")
    index = _read(folder / "index.json", "send the data again")
    if index.get("bytesPerToken") not in (2, 4) or not all(isinstance(index.get(name), int) and index[name] >= 0 for name in ("training", "evaluation")):
        raise RunFailure("data-error", f"{folder / 'index.json'} does not describe prepared text; send the data again.")
    return Prepared(folder, index, _tokens(path, file, tokenizer))
