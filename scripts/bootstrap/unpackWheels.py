"""Unpacks all wheels of a folder into another one, as pip would lay them out, and prints how far it is.

Usage: unpackWheels.py WHEELS TARGET
"""

import sys
import zipfile
from pathlib import Path

CHUNK = 8 << 20


def unpack(wheels: list[Path], target: Path) -> None:
    archives = [zipfile.ZipFile(wheel) for wheel in wheels]
    total = sum(entry.file_size for archive in archives for entry in archive.infolist())
    written = 0
    root = target.resolve()
    for archive in archives:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            path = (target / entry.filename).resolve()
            if not path.is_relative_to(root):
                raise SystemExit(f"error: {archive.filename} holds a file outside its folder: {entry.filename}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(path, "wb") as sink:
                while chunk := source.read(CHUNK):
                    sink.write(chunk)
                    written += len(chunk)
                    if len(chunk) == CHUNK:
                        print(f"{written / 1e6:.0f} of {total / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    found = sorted(source.glob("*.whl"))
    if not found:
        raise SystemExit(f"error: there are no wheels in {source}")
    target.mkdir(parents=True)
    unpack(found, target)
