"""Prepared data in a bucket, gs://BUCKET/FOLDER or s3://BUCKET/FOLDER: each file is brought to a folder of this host when it is asked for, and read from there.

TensorStore, which comes with Orbax, speaks to both with the logins that the host has. Only files that the trainer names are asked for, so nothing that lies in a bucket chooses a path
here. A file's name in the folder ends in its version (generation or ETag): what changed in the bucket is brought anew, what another run reads stays as it is.
"""

import configparser
import errno
import fcntl
import hashlib
import os
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import tensorstore

from ..disk import bytes_in_words
from ..failure import RunFailure

RANGE_BYTES, RANGES_AHEAD = 16 << 20, 8
"""Read at a time, and on their way at a time: what a file takes of memory."""
LARGEST_INDEX = 1 << 20
RETRIES = 6
"""With pauses of 1, 2, 4 … seconds: a network that is gone for longer than a minute is told of."""
WAIT_SECONDS = 0.5
KEPT_FREE = 256 << 20
"""Room that is left on the disk, for the run."""
FAILURES = (ValueError, NotImplementedError)
"""What TensorStore raises, whatever went wrong: the text begins with the kind of it."""
Report = Callable[[str, float, float | None, str], None]


def open_bucket(address: str) -> Any:
    """The bucket's folder as a key-value store."""
    kind, _, rest = address.partition("://")
    name, _, folder = rest.partition("/")
    if kind not in ("gs", "s3"):
        raise RunFailure("data-error", f"{address} names no bucket; write gs://BUCKET/FOLDER or s3://BUCKET/FOLDER.")
    # Otherwise a connection that falls silent would be waited for without end.
    for variable, seconds in (("CONNECT_TIMEOUT", 20), ("LOW_SPEED_TIME", 30)):
        os.environ.setdefault(f"TENSORSTORE_CURL_{variable}_SECONDS", str(seconds))
    os.environ.setdefault("TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES", "1")
    path = f"{folder.strip('/')}/" if folder.strip("/") else ""
    retries = {"max_retries": RETRIES, "initial_delay": "1s", "max_delay": "32s"}
    if kind == "gs":
        return tensorstore.KvStore.open({"driver": "gcs", "bucket": name, "path": path, "context": {"gcs_request_retries": retries}}).result()
    return tensorstore.KvStore.open({"driver": "s3", "bucket": name, "path": path, "context": {"s3_request_retries": retries}, **_other_provider()}).result()


def _other_provider() -> dict[str, str]:
    """Endpoint and region of S3 that is not Amazon's, where AWS's variables or ~/.aws/config name one. Amazon itself tells the region of a bucket."""
    profile = os.environ.get("AWS_PROFILE", "default")
    file = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        file.read(os.environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws/config", "utf8")
    except (configparser.Error, UnicodeDecodeError):
        pass
    section = next((file[name] for name in (profile, f"profile {profile}") if file.has_section(name)), {})
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or section.get("endpoint_url")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or section.get("region") or "us-east-1"
    return {"endpoint": endpoint.rstrip("/"), "aws_region": region} if endpoint else {}


class BucketFolder:
    """Files of a bucket's folder, and where they lie on this host once they are asked for."""

    def __init__(self, address: str, folder: Path, report: Report) -> None:
        """report: told how far reading has come, and from time to time while it waits; what it raises ends the wait."""
        self.place, self._folder, self._report = address.rstrip("/"), folder, report
        self._told: tuple[int, int | None] = (0, None)
        self._versions: dict[str, str] = {}
        try:
            self._store = open_bucket(address)
        except FAILURES as error:
            self._refuse(error)

    @property
    def version(self) -> str:
        return hashlib.sha256(repr(sorted(self._versions.items())).encode()).hexdigest()[:12]

    def _tell(self, done: int, total: int | None) -> None:
        self._told = (done, total)
        self._report("reading-data", done, total, "bytes")

    def text(self, name: str) -> bytes:
        """A small file. It is not kept."""
        generation = self._generation(name)
        self._note(name, generation)
        if self._reaches(name, LARGEST_INDEX):
            raise RunFailure("data-error", f"{self.place}/{name} is larger than {bytes_in_words(LARGEST_INDEX)}, so it is not an index of prepared data; correct the address.")
        return self._same(name, generation, self._wait(self._store.read(name)))

    def _same(self, name: str, generation: bytes, found: Any) -> bytes:
        if found.state != "value" or found.stamp.generation != generation:
            raise RunFailure("data-error", f"{self.place}/{name} was changed while it was read; start the run again once nobody writes there.")
        return found.value

    def file(self, name: str, size: int) -> Path:
        """The first `size` bytes of a file, or more."""
        generation = self._generation(name)
        path = self._folder / f"{name}.{self._note(name, generation)}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _holds(path, size):
            with self._alone(path, size) as alone:
                if not _holds(path, size):
                    self._bring(name, generation, size, path, _partial(path, "" if alone else f".{socket.gethostname()}.{os.getpid()}"))
        return path

    def _note(self, name: str, generation: bytes) -> str:
        self._versions[name] = hashlib.sha256(generation).hexdigest()[:16]
        return self._versions[name]

    def _generation(self, name: str) -> bytes:
        found = self._wait(self._store.read(name, byte_range=slice(0, 0)))
        if found.state == "missing":
            raise RunFailure("data-error", f"There is no {name} in {self.place}: the bucket does not exist, or no prepared data lie there; correct the address, or copy the folder of prepared data there whole.")
        return found.stamp.generation

    def _reaches(self, name: str, byte: int) -> bool:
        try:
            return self._waited(self._store.read(name, byte_range=slice(byte, byte + 1))).state == "value"
        except FAILURES:
            return False

    def _bring(self, name: str, generation: bytes, size: int, path: Path, aside: Path) -> None:
        """Goes on with what an earlier start brought of the same version."""
        try:
            with os.fdopen(os.open(aside, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                # The last of it may have been torn.
                at = max(0, (min(file.seek(0, os.SEEK_END), size) - 1) // RANGE_BYTES * RANGE_BYTES)
                file.truncate(at)
                file.seek(at)
                self._look_at_disk(size - at)
                self._tell(at, size)
                for part in self._ranges(name, generation, at, size):
                    file.write(part)
                    at += len(part)
                    self._tell(at, size)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            aside.unlink(missing_ok=True)  # the end of the run has to be written as well
            raise RunFailure("disk-full", f"The disk with {self._folder} became full while {self.place}/{name} was read; free some space there and start the run again.") from error

    def _ranges(self, name: str, generation: bytes, at: int, size: int) -> Iterator[bytes]:
        flights: deque[tuple[int, Any]] = deque()
        while at < size or flights:
            while at < size and len(flights) < RANGES_AHEAD:
                end = min(at + RANGE_BYTES, size)
                flights.append((end - at, self._store.read(name, byte_range=slice(at, end))))
                at = end
            length, flight = flights.popleft()
            short = f"{self.place}/{name} is shorter than index.json there says; copy the folder of prepared data there whole."
            part = self._same(name, generation, self._wait(flight, short))
            if len(part) != length:
                raise RunFailure("data-error", short)
            yield part

    def _look_at_disk(self, needed: int) -> None:
        facts = os.statvfs(self._folder)
        free = facts.f_bavail * facts.f_frsize
        if free < needed + KEPT_FREE:
            raise RunFailure("disk-full", f"The data in {self.place} take {bytes_in_words(needed)} more, and the disk with {self._folder} has {bytes_in_words(free)} free; free some space there, or choose a runs folder on a larger disk.")

    @contextmanager
    def _alone(self, path: Path, size: int) -> Iterator[bool]:
        """Of workers that share the folder and runs of this host one brings a file, and the others wait for it. False on a disk that has no locks."""
        with open(self._folder / ".lock", "a", encoding="utf8") as file:
            while (locked := _lock(file)) is None:
                self._tell(_size_of(_partial(path)), size)
                time.sleep(WAIT_SECONDS)
            yield locked

    def _wait(self, future: Any, beyond: str | None = None) -> Any:
        """beyond: said where what was asked for lies behind the end of a file. @raises RunFailure"""
        try:
            return self._waited(future)
        except FAILURES as error:
            self._refuse(error, beyond)

    def _waited(self, future: Any) -> Any:
        while True:
            try:
                return future.result(timeout=WAIT_SECONDS)
            except TimeoutError:
                self._tell(*self._told)

    def _refuse(self, error: Exception, beyond: str | None = None) -> NoReturn:
        text = str(error)
        google, host = self.place.startswith("gs:"), socket.gethostname()
        if beyond and "OUT_OF_RANGE" in text:
            raise RunFailure("data-error", beyond) from error
        if "PERMISSION_DENIED" in text or "UNAUTHENTICATED" in text:
            who = "the role Storage Object Viewer on the bucket to the host's service account, or log in there with gcloud auth application-default login" if google else \
                "s3:GetObject and s3:ListBucket on it to the role of the host, or to the keys in ~/.aws/credentials there"
            raise RunFailure("data-error", f"{host} may not read {self.place}; give {who}.") from error
        if "aws_region" in text:
            raise RunFailure("data-error", f"There is no bucket of {self.place}, for Amazon names no region of it; correct the address.") from error
        said = re.sub(r"\s*\[\w+='.*", "", text, flags=re.DOTALL)[:300]
        raise RunFailure("data-error", f"{self.place} can't be read from {host} ({said}); see whether its network reaches the bucket, then start the run again.") from error


def _lock(file: Any) -> bool | None:
    """None while another process has it; False on a disk that has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return False


def _partial(path: Path, owner: str = "") -> Path:
    return path.with_name(f"{path.name}{owner}.partial")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _holds(path: Path, size: int) -> bool:
    return path.exists() and _size_of(path) >= size
