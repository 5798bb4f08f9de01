"""Work behind the steps: a thread that does one thing after another, so that no step waits for a disk or for a device's answer."""

import queue
import threading
from collections.abc import Callable


class Recorder:
    """What a thing raised comes up in the thread that gives the next one, waits or looks. Nothing is done after a failure."""

    def __init__(self, name: str, waiting: int) -> None:
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(waiting)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def give(self, work: Callable[[], None]) -> None:
        self.check()
        self._queue.put(work)

    def wait(self) -> None:
        """Until all that was given is done."""
        self._queue.join()
        self.check()

    def check(self) -> None:
        """Raises what work has raised."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                if self._failure is None:
                    work()
            except BaseException as error:  # noqa: BLE001 - told to whoever gives the next thing
                self._failure = error
            finally:
                self._queue.task_done()
