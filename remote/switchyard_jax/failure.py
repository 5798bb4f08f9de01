"""Why an attempt ended badly, in words for the person. trainer/failure.ts has the same reasons and codes."""

from __future__ import annotations

import errno
import os

EXIT_CODES = {
    "completed": 0, "stopped": 0, "crashed": 1, "spec-error": 2, "data-error": 3, "device-error": 4, "checkpoint-error": 5, "disk-full": 6, "non-finite": 7, "killed": 8,
}


class RunFailure(Exception):
    """message: one sentence: what happened, to what, what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StopAsked(Exception):
    """A stop that was asked for while there is nothing to save yet."""


_UNWRITABLE = {errno.EACCES: "permission denied", errno.EPERM: "permission denied", errno.EROFS: "the disk is read-only", errno.ENOTDIR: "a file stands where a folder should be"}


def as_failure(error: BaseException) -> RunFailure:
    """The reason of any error."""
    if isinstance(error, RunFailure):
        return error
    text = str(error)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(words in text.lower() for words in ("no space left", "disk quota", "enospc")):
        return RunFailure("disk-full", "The disk with the run is full; free some space and resume from the last checkpoint.")
    if (isinstance(error, OSError) and error.errno == errno.EFBIG) or "file too large" in text.lower():
        return RunFailure("disk-full", "A file of the run would grow beyond the size that this process may write; raise the limit (ulimit -f) and resume from the last checkpoint.")
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return RunFailure("crashed", f"{os.fspath(error.filename) if error.filename else 'A file of the run'} can't be written or read ({_UNWRITABLE[error.errno]}); check who owns the run's folder, then resume.")
    if "RESOURCE_EXHAUSTED" in text or "out of memory" in text.lower() or isinstance(error, MemoryError):
        return RunFailure("device-error", "The device has not enough memory for this model and batch; make the batch smaller, use more devices, or turn on --rematerialise.")
    return RunFailure("crashed", f"The trainer failed unexpectedly: {text.splitlines()[0] if text else type(error).__name__}")
