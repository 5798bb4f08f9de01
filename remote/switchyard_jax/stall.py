"""Steps that take far longer than the run's own steps do: finished ones, and one that does not finish. The same as trainer/stall.ts."""

from statistics import median_high

from .alerts import Alert, run_alert

WINDOW, AFTER = 101, 20
SLOW, LEAST = (10, 2), 5.0
STUCK, STUCK_LEAST = 20, 30.0
FIRST = 900.0
"""Seconds that the first step may take, which compiles the program."""


def _words(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.{1 if seconds < 10 else 0}f} s"


class Stall:
    def __init__(self) -> None:
        self._times: list[float] = []
        self._raised = False

    def finished(self, step: int, seconds: float) -> Alert | None:
        median, enough = self._median(), len(self._times) >= AFTER
        self._times = [*self._times[-WINDOW + 1:], seconds]
        if seconds < SLOW[1] * median:
            self._raised = False
        if not enough or self._raised or seconds <= SLOW[0] * median or seconds - median < LEAST:
            return None
        self._raised = True
        return run_alert(step, "warning", "stall", f"Step {step} took {_words(seconds)}, {seconds / median:.0f} times the {_words(median)} of most steps; see what else uses this machine.")

    def waiting(self, step: int, seconds: float) -> Alert | None:
        """Judges a step that has been going for so many seconds."""
        median = self._median()
        limit = max(STUCK_LEAST, STUCK * median) if self._times else FIRST
        if self._raised or seconds <= limit:
            return None
        self._raised = True
        usual = f"; most steps take {_words(median)}" if median > 0 else ""
        return run_alert(step, "warning", "stall", f"Step {step} has not finished after {_words(seconds)}{usual}. See what else uses this machine, or stop the run.")

    def _median(self) -> float:
        return median_high(self._times) if self._times else 0.0
