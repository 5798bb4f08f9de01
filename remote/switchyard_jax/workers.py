"""The processes that train together, one on each host of a slice: how they find each other, tell each other what one of them has read, and notice that one is gone.

Beside JAX's own connections each process holds one to process 0, on the port after the coordinator's. It closes when a process dies, and beats tell of one that
is stopped or cut off: a collective would wait for either for minutes. Whoever is lost, all others end, and process 0 says in the run directory who it was.
"""

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .failure import RunFailure

BEAT_SECONDS, LOST_SECONDS = 2.0, 20.0
COMING_SECONDS = 300.0
"""For all processes to begin."""
LONGEST_LINE = 16 << 10
Message = dict[str, Any]


class Connection:
    """Lines of JSON to another process and back."""

    def __init__(self, link: socket.socket, heard: Callable[["Connection", Message], None], lost: Callable[["Connection", str], None]) -> None:
        self.process, self.host = 0, ""
        self._link, self._heard, self._lost = link, heard, lost
        self._sending = threading.Lock()
        self.parted = threading.Event()
        """Set once the other side has said that it ends."""
        self.closed = threading.Event()
        link.settimeout(LOST_SECONDS)
        for work in (self._listen, self._beat):
            threading.Thread(target=work, name="worker", daemon=True).start()

    def say(self, message: Message) -> None:
        try:
            with self._sending:
                self._link.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass  # the listener finds out

    def _beat(self) -> None:
        while not self.parted.wait(BEAT_SECONDS):
            self.say({})

    def _listen(self) -> None:
        rest, why = b"", "ended"
        try:
            while block := self._link.recv(4096):
                *lines, rest = (rest + block).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    break
                for line in lines:
                    message = json.loads(line)
                    if isinstance(message, dict):
                        if message.get("parts"):
                            self.parted.set()
                        self._heard(self, message)
        except TimeoutError:
            why = f"has not been heard of for {LOST_SECONDS:.0f} s"
        except (OSError, ValueError):
            pass
        self.closed.set()
        if not self.parted.is_set():
            self._lost(self, why)


class Workers:
    """This process among those that train together; alone where there is one."""

    def __init__(self, coordinator: str | None, count: int, process: int) -> None:
        self.coordinator, self.count, self.process = coordinator, count, process
        self._connections: list[Connection] = []
        self._lost: Callable[[RunFailure], None] = lambda failure: None
        self._meetings = 0
        self._there: dict[int, int] = {}
        self._moved = threading.Condition()

    @property
    def leads(self) -> bool:
        return self.process == 0

    def meet(self, lost: Callable[[RunFailure], None]) -> None:
        """Finds the others. lost: called once, from another thread, when one of them is gone."""
        if self.count == 1:
            return
        self._lost = lost
        host, port = self._address()
        if self.leads:
            self._wait_for_all(host, port + 1)
        else:
            self._connections = [self._reach(host, port + 1)]

    def join_devices(self) -> None:
        """Makes the devices of all processes one set."""
        if self.count == 1:
            return
        import jax

        # A lost process is noticed here first; JAX then has no say in how the others end.
        jax.distributed.initialize(self.coordinator, self.count, self.process, heartbeat_timeout_seconds=100)

    def together(self) -> None:
        """Waits until all have come here, however long one of them compiles: JAX's own meetings give up after half a minute."""
        if self.count == 1:
            return
        self._meetings += 1
        here = {"here": self._meetings}
        with self._moved:
            if not self.leads:
                self._connections[0].say(here)
                self._moved.wait_for(lambda: self._there.get(0, 0) >= self._meetings)
                return
            self._moved.wait_for(lambda: all(self._there.get(process, 0) >= self._meetings for process in range(1, self.count)))
        for connection in self._connections:
            connection.say(here)

    def _came(self, process: int, meeting: Any) -> None:
        with self._moved:
            self._there[process] = int(meeting)
            self._moved.notify_all()

    def part(self) -> None:
        """Ends in good order, when all have come to the end."""
        for connection in self._connections:
            connection.say({"parts": True})
        if self.leads:  # JAX's coordinator is the last to go
            deadline = time.monotonic() + 10
            for connection in self._connections:
                connection.closed.wait(max(0.0, deadline - time.monotonic()))

    def fail(self, failure: RunFailure) -> None:
        """Tells the others why this process ends."""
        for connection in self._connections:
            connection.say({"failed": [failure.reason, str(failure)[:4000]], "parts": True})

    def _address(self) -> tuple[str, int]:
        host, _, port = (self.coordinator or "").rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65535:
            raise RunFailure("spec-error", f"The coordinator is {self.coordinator!r} where HOST:PORT is needed; name the host of process 0 and a free port of it.")
        return host.strip("[]"), int(port)

    def _name(self, process: int, host: str) -> str:
        return f"Worker {process} of {self.count}{f' ({host})' if host else ''}"

    def _wait_for_all(self, host: str, port: int) -> None:
        try:
            server = socket.create_server((host, port), backlog=self.count)
        except OSError:
            try:
                server = socket.create_server(("", port), backlog=self.count)  # a name that only the others know this host by
            except OSError as error:
                raise RunFailure("crashed", f"The port {port} can't be used ({error.strerror}); choose another for the coordinator.") from error
        deadline, missing, arrived = time.monotonic() + COMING_SECONDS, set(range(1, self.count)), threading.Condition()

        def heard(connection: Connection, message: Message) -> None:
            process = message.get("process")
            if process in missing:
                with arrived:
                    connection.process, connection.host = process, str(message.get("host", ""))[:200]
                    missing.discard(process)
                    self._connections.append(connection)
                    arrived.notify_all()
            elif "here" in message:
                self._came(connection.process, message["here"])
            elif "failed" in message:
                reason, words = message["failed"]
                self._end_all(RunFailure(reason, f"{self._name(connection.process, connection.host)}: {words}"))

        def lost(connection: Connection, why: str) -> None:
            if connection in self._connections:
                self._end_all(RunFailure("crashed", f"{self._name(connection.process, connection.host)} {why}; the other workers were stopped. Resume continues from the last checkpoint."))

        while missing:
            server.settimeout(max(0.01, min(1.0, deadline - time.monotonic())))
            try:
                Connection(server.accept()[0], heard, lost)
            except TimeoutError:
                pass
            with arrived:
                arrived.wait_for(lambda: not missing, 0.05)
            if missing and time.monotonic() > deadline:
                raise RunFailure("crashed", f"{self._name(min(missing), '')} did not begin within {COMING_SECONDS:.0f} s; look at its log, and start all workers again.")
        server.close()

    def _reach(self, host: str, port: int) -> Connection:
        deadline = time.monotonic() + COMING_SECONDS
        while True:
            try:
                link = socket.create_connection((host, port), timeout=5)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise RunFailure("crashed", f"Process 0 can't be reached at {host}:{port} ({error}); look at its log, and start all workers again.") from error
                time.sleep(0.2)

        def heard(_: Connection, message: Message) -> None:
            if "here" in message:
                self._came(0, message["here"])
            elif "failed" in message:
                self._lost(RunFailure(*message["failed"]))
            elif message.get("parts"):
                self._lost(RunFailure("stopped", "Process 0 has ended the run."))

        connection = Connection(link, heard, lambda _, why: self._lost(RunFailure("crashed", f"Process 0 {why}; this worker ends with it.")))
        connection.say({"process": self.process, "host": socket.gethostname()})
        return connection

    def _end_all(self, failure: RunFailure) -> None:
        self.fail(failure)
        self._lost(failure)


def told_by_leader(value: Any) -> Any:
    """What process 0 gives, as JSON can say it, on all processes."""
    import jax
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        return value
    text = np.frombuffer(json.dumps(value).encode(), np.uint8) if jax.process_index() == 0 else np.zeros(0, np.uint8)
    length = int(multihost_utils.broadcast_one_to_all(np.asarray(len(text), np.int32)))
    padded = np.zeros(length, np.uint8)
    padded[:len(text)] = text
    return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(padded)).astype(np.uint8)))


def arrays_of_leader(arrays: dict[str, np.ndarray] | None, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """fp32 arrays of these shapes that process 0 has, on all processes."""
    import jax
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        return arrays or {}
    given = (lambda name, shape: arrays[name]) if arrays else (lambda name, shape: np.zeros(shape, np.float32))
    return {name: np.asarray(multihost_utils.broadcast_one_to_all(given(name, shape))) for name, shape in shapes.items()}


def all_say(yes: bool) -> bool:
    """Whether it is so on all processes."""
    from jax.experimental import multihost_utils

    return bool(np.all(multihost_utils.process_allgather(np.asarray(yes))))


def shared_folder(path: Path) -> bool:
    """Whether all processes see the folder of process 0 at this path."""
    import jax
    from jax.experimental import multihost_utils

    mark = path / f".shared.{secrets.token_hex(8)}.partial"
    name = told_by_leader(mark.name)
    if jax.process_index() == 0:
        mark.touch()
    multihost_utils.sync_global_devices("a mark is there")
    seen = all_say((path / name).exists())
    if jax.process_index() == 0:
        mark.unlink(missing_ok=True)
    return seen
