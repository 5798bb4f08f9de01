"""Whether the disk of a run has room for what comes next. The same as trainer/diskSpace.ts."""

import os
from pathlib import Path

from .alerts import Alert, run_alert

CHECKPOINTS = 2
"""Checkpoints that must fit: the next is written aside before an older one goes."""
CLEARED = 1.25


def bytes_in_words(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


class DiskSpace:
    def __init__(self, path: Path) -> None:
        self._path, self._raised = path, False

    def look(self, step: int, checkpoint: int) -> Alert | None:
        """checkpoint: bytes of one. Says once that space runs out, and again after there was room."""
        facts = os.statvfs(self._path)
        free, needed = facts.f_bavail * facts.f_frsize, CHECKPOINTS * checkpoint
        if free > needed * CLEARED:
            self._raised = False
        if free >= needed or self._raised:
            return None
        self._raised = True
        return run_alert(step, "warning", "disk", f"The disk with the run has {bytes_in_words(free)} free, less than the {bytes_in_words(needed)} that the next {CHECKPOINTS} checkpoints need; free some space, or the run ends when it is full.")
