"""What the trainer writes into its run directory. docs/run-directory.md describes every file; trainer/run/runDirectory.ts writes the same."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Type, Union

from ..failure import RunFailure

HEARTBEAT_SECONDS = 2.0
SPARE, SPARE_BYTES = ".spare", 64 << 10
"""Freed when the disk is full, so that the end can still be written."""
PARTIAL = ".partial"
Event = Dict[str, Any]


def wire(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite is text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: wire(one) for name, one in value.items()}
    return [wire(one) for one in value] if isinstance(value, (list, tuple)) else value


def sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_flushed(path: Path, text: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, value: Any, durable: bool) -> None:
    """Replaces a small file whole: readers see the old one or the new one."""
    aside = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    text = json.dumps(wire(value), allow_nan=False).encode()
    try:
        if durable:
            write_flushed(aside, text)
        else:
            aside.write_bytes(text)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def lock_run(directory: Path) -> socket.socket | None:
    """Holds the run for this process until it ends, by a name in the kernel that a kill releases: the one that trainer/run/runDirectory.ts takes. None where it is held."""
    facts = directory.stat()
    name = f"\0switchyard-run-{hashlib.sha256(f'{facts.st_dev}:{facts.st_ino}'.encode()).hexdigest()[:32]}"
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(name)
        held.listen()
        return held
    except OSError:
        held.close()
        return None


def _json_file(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf8"))
        return value if isinstance(value, dict) else {}
    except (OSError, ValueError):
        return {}


def read_process_file(directory: Path) -> dict[str, Any]:
    return _json_file(directory / "process.json")


def next_attempt(directory: Path) -> int:
    """One more than the newest attempt of process.json and of the last events."""
    newest = read_process_file(directory).get("attempt", 0)
    try:
        with open(directory / "events.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - (2 << 20)))
            for line in file.read().splitlines():
                try:
                    newest = max(newest, int(json.loads(line).get("attempt", 0)))
                except (ValueError, AttributeError, TypeError):
                    pass  # torn
    except OSError:
        pass
    return newest + 1


def owner_facts() -> dict[str, str]:
    """What tells this process from another that was given its pid."""
    stat = Path("/proc/self/stat").read_text()
    return {"startTicks": stat[stat.rindex(")") + 2:].split(" ")[19], "bootId": Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "host": socket.gethostname()}


def remove_leftovers(directory: Path) -> None:
    """What a killed attempt was writing: files and checkpoints aside, checkpoints half removed. None of it is data of the run."""
    for path in directory.iterdir():
        if path.name.endswith(PARTIAL) or path.name == SPARE:
            path.unlink(missing_ok=True)
    checkpoints = directory / "checkpoints"
    for folder in checkpoints.iterdir() if checkpoints.is_dir() else ():
        if re.fullmatch(r"\.step-\d+\.partial", folder.name) or (re.fullmatch(r"step-\d+", folder.name) and not (folder / "manifest.json").exists()):
            shutil.rmtree(folder, ignore_errors=True)


class RunDirectory:
    """One attempt's writing. Any thread may write events."""

    def __init__(self, path: Path, attempt: int, argv: list[str]) -> None:
        self.path, self.attempt, self.step = path, attempt, 0
        self._lock = threading.Lock()
        self._seq = self._beats = 0
        self._torn = False
        remove_leftovers(path)
        for folder in ("control", "checkpoints"):
            (path / folder).mkdir(mode=0o700, exist_ok=True)
        replace_file(path / "process.json", {"v": 1, "attempt": attempt, "pid": os.getpid(), **owner_facts(), "argv": argv, "startedAt": time.time()}, True)
        (path / "exit.json").unlink(missing_ok=True)
        sync_folder(path)
        self._events = os.open(path / "events.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._end_torn_line()
        write_flushed(path / SPARE, b"\1" * SPARE_BYTES)
        self._ended = threading.Event()
        self._beat()
        threading.Thread(target=self._heart, name="heartbeat", daemon=True).start()

    def write(self, *events: Event) -> None:
        """Appends events in one write, so that a kill tears at most the last line. What a full disk tore is ended before the next."""
        with self._lock:
            now = time.time()
            lines = []
            for event in events:
                lines.append(json.dumps({"v": 1, "attempt": self.attempt, "seq": self._seq, "t": now, **wire(event)}, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
                self._seq += 1
            text = (("\n" if self._torn else "") + "".join(lines)).encode("utf8", "replace")
            self._torn = True
            at = 0
            while at < len(text):
                at += os.write(self._events, text[at:])
            self._torn = False

    def log(self, level: str, message: str) -> None:
        self.write({"kind": "log", "step": self.step, "level": level, "message": message})
        say(message)

    def requested(self, verb: str) -> bool:
        return (self.path / "control" / f"{verb}.json").exists()

    def answered(self, verb: str) -> None:
        (self.path / "control" / f"{verb}.json").unlink(missing_ok=True)

    def free_spare(self) -> None:
        """Gives the reserved space back, for the last words on a full disk."""
        (self.path / SPARE).unlink(missing_ok=True)

    def end(self, reason: str, code: int, message: str, detail: str | None) -> None:
        """Writes exit.json: the last thing an attempt does."""
        self._ended.set()
        self.free_spare()
        self.answered("stop")
        record_end(self.path, self.attempt, self.step, reason, code, message, detail)

    def _heart(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        try:
            replace_file(self.path / "heartbeat.json", {"v": 1, "attempt": self.attempt, "count": self._beats, "step": self.step, "t": time.time()}, False)
            self._beats += 1
        except OSError:
            pass  # a full disk shows itself where data is written

    def _end_torn_line(self) -> None:
        """A killed attempt may leave half a line: it is ended, and readers skip what does not parse."""
        size = os.fstat(self._events).st_size
        if size > 0 and os.pread(self._events, 1, size - 1) != b"\n":
            os.write(self._events, b"\n")


def record_end(path: Path, attempt: int, step: int, reason: str, code: int, message: str, detail: str | None) -> None:
    replace_file(path / "exit.json", {
        "v": 1, "attempt": attempt, "reason": reason, "code": code, "step": step, "t": time.time(), "message": message[:4000], "detail": detail[:20_000] if detail else None, "by": "trainer",
    }, True)
    sync_folder(path)


def say(line: str) -> None:
    """The run's own output, which its starter may have stopped reading."""
    try:
        print(line, flush=True)
    except OSError:
        pass


class Progress:
    """Tells how far work that is not steps has come: the beginning of each phase at once, then now and then. Ends the attempt where a stop was asked for."""

    def __init__(self, run: AnyRun, stopping: Callable[[], bool], stop: Type[Exception]) -> None:
        self._run, self._stopping, self._stop = run, stopping, stop
        self._told, self._phase = -math.inf, ""

    def __call__(self, phase: str, done: float, total: float | None, unit: str) -> None:
        now = time.monotonic()
        if phase == self._phase and (total is None or done < total) and now - self._told < 0.5:
            return
        self._told, self._phase = now, phase
        self._run.write({"kind": "progress", "phase": phase, "done": done, "total": total, "unit": unit})
        if self._stopping():
            raise self._stop()


def read_json_spec(directory: Path) -> dict[str, Any]:
    try:
        value = json.loads((directory / "spec.json").read_text("utf8"))
    except (OSError, ValueError) as error:
        raise RunFailure("spec-error", f"spec.json can't be read ({error}); write the run's spec there.") from error
    if not isinstance(value, dict):
        raise RunFailure("spec-error", "spec.json is not an object; write the run's spec there.")
    return value


class SilentRun:
    """What stands for the run directory in a worker that does not write it."""

    def __init__(self, attempt: int) -> None:
        self.attempt, self.step = attempt, 0

    def write(self, *events: Event) -> None: ...
    def log(self, level: str, message: str) -> None: ...
    def requested(self, verb: str) -> bool:
        return False

    def answered(self, verb: str) -> None: ...


AnyRun = Union[RunDirectory, SilentRun]
