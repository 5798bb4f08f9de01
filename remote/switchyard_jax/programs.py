"""The cache of compiled programs: kept for this user and kind of processor, so that a resume begins at once, and within a limit."""

import hashlib
import os
import re
from pathlib import Path

MOST_BYTES = 4 << 30


def program_folder() -> Path:
    cache = Path(os.environ.get("SWITCHYARD_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "switchyard")
    processor = re.search(r"^flags\s*:.*$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kind = hashlib.sha256((processor[0] if processor else "").encode()).hexdigest()[:16]
    return cache / f"jax-programs-{kind}"


def forget_unused(folder: Path, most: int = MOST_BYTES) -> None:
    """Removes the programs beyond the limit that were not used for longest; what another process removes meanwhile is as good as removed here."""
    programs = []
    for file in folder.iterdir() if folder.is_dir() else ():
        try:
            facts = file.stat()
            # A file system that does not note when a file was read still says when it was written.
            programs.append((max(facts.st_atime, facts.st_mtime), facts.st_size, file))
        except OSError:
            continue
    held = 0
    for _, size, file in sorted(programs, key=lambda one: one[0], reverse=True):
        held += size
        if held > most:
            try:
                file.unlink()
            except OSError:
                continue
