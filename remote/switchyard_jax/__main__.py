"""python -m switchyard_jax RUN_DIRECTORY [--steps N] [--mesh DATA,EXPERT,MODEL]: one attempt of the run in that directory, from its newest good checkpoint.

On several hosts the same command runs on each, with --coordinator HOST:PORT --processes N --process I; process 0 writes the run directory.
What loads JAX is imported only once the run directory says that this process works in it; what is imported here runs on any Python since 3.8, so that an old one is
told in a sentence as well.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from .failure import EXIT_CODES, RunFailure, as_failure
from .run.directory import AnyRun, RunDirectory, SilentRun, lock_run, next_attempt, read_process_file, record_end, say

OLDEST = (3, 11)


def _mesh(text: str) -> list[int]:
    axes = [int(axis) for axis in text.split(",")]
    if len(axes) != 3 or any(axis < 1 for axis in axes):
        raise argparse.ArgumentTypeError("write DATA,EXPERT,MODEL, as in 2,4,1")
    return axes


def _steps(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="switchyard_jax", description="Trains the run in a directory with JAX.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--steps", type=_steps, help="the step to train to, instead of the spec's")
    parser.add_argument("--mesh", type=_mesh, metavar="D,E,M", help="devices along data, expert and model, instead of the spec's")
    parser.add_argument("--rematerialise", action="store_true", help="compute a block's activations again in the backward pass: less memory, more time")
    parser.add_argument("--orbax", action="store_true", help="keep the state in each checkpoint as Orbax writes it too; always where processes share the run directory")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 is reached; the port after it is used as well")
    parser.add_argument("--processes", type=int, default=1, help="processes that train together")
    parser.add_argument("--process", type=int, default=0, help="the number of this one, from 0")
    return parser.parse_args(argv)


def asked_of(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """By this start or else by an earlier one: process.json carries it on."""
    before = read_process_file(directory).get("argv", [])

    def earlier(option: str, read: Any) -> Any:
        try:
            return read(before[before.index(option) + 1])
        except (ValueError, IndexError, TypeError, argparse.ArgumentTypeError):
            return None

    return {"steps": options.steps or earlier("--steps", _steps), "mesh": options.mesh or earlier("--mesh", _mesh), "rematerialise": options.rematerialise or "--rematerialise" in before,
            "orbax": options.orbax or "--orbax" in before}


def arguments_of(asked: dict[str, Any]) -> list[str]:
    return [*(["--steps", str(asked["steps"])] if asked["steps"] else []), *(["--mesh", ",".join(map(str, asked["mesh"]))] if asked["mesh"] else []),
            *(f"--{option}" for option in ("rematerialise", "orbax") if asked[option])]


class Attempt:
    """Ends the process with its reason, even on a full disk."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, 0
        self.run: AnyRun | None = None
        self.workers: Any = None
        self.stops = 0
        self.ending = False
        self._failing = threading.RLock()

    def signalled(self, number: int, _: Any) -> None:
        """A first stop signal saves and ends, a second ends at once."""
        self.stops += 1
        if self.stops > 1:
            self.fail(RunFailure("killed", f"The trainer was told to end twice ({signal.Signals(number).name}) and did not wait for its step; resume continues from the last checkpoint."))

    def fail(self, error: BaseException) -> NoReturn:
        """From any thread; the first to come tells why."""
        self._failing.acquire()
        if self.ending:  # the others of a mesh go as well
            time.sleep(60)
        failure = as_failure(error)
        reason, message, code = failure.reason, str(failure), EXIT_CODES[failure.reason]
        detail = None if isinstance(error, RunFailure) and error.__cause__ is None else "".join(traceback.format_exception(error))[-20_000:]
        print(message if detail is None else f"{message}\n{detail}", file=sys.stderr, flush=True)
        try:
            if isinstance(self.run, RunDirectory):
                self.run.free_spare()
                if reason == "disk-full":
                    self.run.write({"kind": "alert", "step": self.run.step, "level": "error", "code": "disk", "message": message, "stack": None, "layer": None, "expert": None})
        except OSError:
            pass  # the end of the attempt says the same
        try:
            if isinstance(self.run, RunDirectory):
                self.run.end(reason, code, message, detail)
            elif self.number > 0 and self.run is None:
                record_end(self.path, self.number, 0, reason, code, message, detail)
        except OSError as last:
            print(f"The end could not be recorded: {last}", file=sys.stderr, flush=True)
        if self.workers is not None:
            self.workers.fail(failure)
        os._exit(code)


def main() -> None:
    options = arguments(sys.argv[1:])
    leads = options.process == 0
    path = options.directory.resolve()
    if not path.is_dir():
        print(f"There is no run directory {options.directory}; make it and write spec.json there first.", file=sys.stderr)
        sys.exit(EXIT_CODES["spec-error"])
    attempt = Attempt(path)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the starter's terminal must not take the run with it
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, attempt.signalled)
    held = lock_run(path) if leads else None
    if leads and held is None:
        print("Another trainer already works in this run directory; stop it first.", file=sys.stderr)
        sys.exit(EXIT_CODES["crashed"])
    try:
        asked = asked_of(options, path)
        if leads:
            attempt.number = next_attempt(path)
            attempt.run = RunDirectory(path, attempt.number, ["python", "-m", "switchyard_jax", str(path), *arguments_of(asked)])
        else:
            attempt.run = SilentRun(0)
        if sys.version_info < OLDEST:
            raise RunFailure("device-error", "JAX needs Python {}.{} or later, and {} is {}.{}; name another Python for this host.".format(*OLDEST, sys.executable, *sys.version_info[:2]))
        try:
            from .train import train
            from .workers import Workers
        except ImportError as error:
            raise RunFailure("device-error", f"JAX and what the trainer needs with it can't be loaded ({error}); install the packages of requirements.txt into {sys.executable}.") from error
        attempt.workers = Workers(options.coordinator, options.processes, options.process)
        attempt.workers.meet(attempt.fail)
        reason, message = train(attempt.run, path, asked, lambda: attempt.stops > 0, attempt.workers)
        attempt.ending = True
        say(message)
        if isinstance(attempt.run, RunDirectory):
            attempt.run.end(reason, EXIT_CODES[reason], message, None)
        attempt.workers.part()
        os._exit(EXIT_CODES[reason])
    except BaseException as error:  # noqa: BLE001 - an attempt always says why it ended
        if options.processes > 1 and not (leads and isinstance(error, RunFailure)):
            # A collective fails when a process is gone, and who it was is about to be known; what all find out, process 0 says.
            time.sleep(3)
        attempt.fail(error)


main()
