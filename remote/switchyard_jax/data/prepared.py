"""What was prepared of a run's data on the machine that started it: token files in a folder that data.json in the run directory names.

{"v": 1, "directory": "/home/ada/.switchyard/data/prepared-<sha256>", "tokenizer": {"vocabularySize": 384, "pad": 0, "end": 1, "sentinels": [383, ...]}}

`tokenizer` may be left out where the spec's is bytes. With "address": "gs://BUCKET/FOLDER" the files lie in that bucket, and are brought to the folder first.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..failure import RunFailure
from .bucket import BucketFolder, Report

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


class Source(Protocol):
    """Where the files lie."""

    place: str
    """For people."""

    @property
    def version(self) -> str:
        """Of all files that were asked for; empty where nothing tells of it."""

    def text(self, name: str) -> bytes: ...
    def file(self, name: str, size: int) -> Path:
        """A file of this host with the first `size` bytes, or more."""


class Folder:
    """A folder of this host."""

    def __init__(self, path: Path) -> None:
        self.path, self.place, self.version = path, str(path), ""

    def text(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def file(self, name: str, size: int) -> Path:
        return self.path / name


@dataclass(frozen=True)
class Prepared:
    source: Source
    index: dict[str, Any]
    tokens: Tokens

    def numbers(self, name: str, count: int, kind: Any) -> np.ndarray:
        """A file of so many numbers, read where it is touched."""
        if count == 0:
            return np.zeros(0, kind)
        size = count * np.dtype(kind).itemsize
        path = self.source.file(name, size)
        try:
            if path.stat().st_size < size:
                raise RunFailure("data-error", f"The prepared text {path} was cut short; send the data again.")
            # A plain view of it: slicing a memmap itself costs more than the batch.
            return np.memmap(path, dtype=kind, mode="r", shape=(count,)).view(np.ndarray)
        except OSError as error:
            raise RunFailure("data-error", f"{path} can't be read ({error.strerror}); send the data again.") from error

    def ids(self, name: str, count: int) -> np.ndarray:
        return self.numbers(name, count, "<u2" if self.index["bytesPerToken"] == 2 else "<u4")


def _read(source: Source, name: str, what: str) -> dict[str, Any]:
    at = f"{source.place}/{name}"
    try:
        value = json.loads(source.text(name))
        if isinstance(value, dict) and value.get("v") == 1:
            return value
    except OSError as error:
        raise RunFailure("data-error", f"{at} can't be read ({error.strerror}); {what}.") from error
    except ValueError as error:
        raise RunFailure("data-error", f"{at} is damaged; {what}.") from error
    raise RunFailure("data-error", f"{at} is of another version; {what}.")


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


def open_prepared(run: Path, tokenizer: dict[str, Any], report: Report) -> Prepared:
    """tokenizer: the spec's. report: told how far reading from a bucket has come."""
    path = run / DATA_FILE
    file = _read(Folder(run), DATA_FILE, "start the run again from where its data is")
    tokens, folder, address = _tokens(path, file, tokenizer), Path(str(file.get("directory", ""))), file.get("address")
    if not folder.is_absolute():
        raise RunFailure("data-error", f"{path} names no folder of prepared data; start the run again from where its data is.")
    source = Folder(folder) if address is None else BucketFolder(str(address), folder, report)
    index = _read(source, "index.json", "send the data again")
    if index.get("bytesPerToken") not in (2, 4) or not all(is_count(index.get(name)) for name in ("training", "evaluation")):
        raise RunFailure("data-error", f"{source.place}/index.json does not describe prepared text; send the data again.")
    return Prepared(source, index, tokens)


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
