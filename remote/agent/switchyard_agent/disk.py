"""Files and folders: written whole or not at all, read within limits, kept inside where they belong."""

import fcntl
import hashlib
import json
import os
import stat
import threading

from .refusal import Refused

# Largest of the small files of a run that is read.
MAX_SMALL = 512 * 1024


def home_folder(chosen=None):
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    data = os.environ.get("XDG_DATA_HOME") or ""
    return os.path.join(data if os.path.isabs(data) else os.path.expanduser("~/.local/share"), "switchyard")


def make_folder(path):
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def flush_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path, text):
    """Replaces a file, so that a reader sees the old or the new one, also after a power cut."""
    aside = "%s.%d.%d.tmp" % (path, os.getpid(), threading.get_ident())
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path)
    flush_folder(os.path.dirname(path))


def read_small(path):
    """Text of a small file; None where it is not there, is no plain file or is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_SMALL:
            return None
        return file.read(MAX_SMALL).decode("utf-8", "replace")


def read_json(path):
    try:
        value = json.loads(read_small(path) or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def inside(folder, name):
    """A path below a folder; a link that leads out of it is refused."""
    path = os.path.realpath(os.path.join(folder, name))
    if not path.startswith(os.path.realpath(folder) + os.sep):
        raise Refused("%s does not lie in %s." % (name, folder))
    return path


def matches(file, marks):
    """Whether a file holds what it held: pieces of it, each with its place, length and SHA-256."""
    for place, length, digest in marks:
        if length > MAX_SMALL:
            return False
        file.seek(int(place))
        if hashlib.sha256(file.read(int(length))).hexdigest() != digest:
            return False
    return True


class FolderLock:
    """A lock on a folder that the kernel gives back when its holder dies; it leaves no file."""

    def __init__(self, folder):
        self.folder, self.descriptor = folder, -1

    def __enter__(self):
        self.descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # A disk that knows no locks: a launch is then guarded by its key alone.
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)
