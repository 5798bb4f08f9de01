"""Steps, and what is recorded, evaluated and saved between them.

The devices are kept at work: the next step is handed to them while the last one's results are on their way, batches are made in another thread, and so are events
and checkpoints written. On several processes every decision is taken from what a step has told all of them, so that they stay together.
"""

import math
import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .alerts import Alerts, routing_values, run_alert
from .data.batches import BatchSource, count_tokens
from .disk import DiskSpace
from .failure import RunFailure
from .recorder import Recorder
from .run.checkpoints import begin_checkpoint, best_of, finish_checkpoint, list_checkpoints, retain
from .run.directory import AnyRun, RunDirectory, say, wire
from .run.sharded import ShardedState
from .stall import Stall
from .trainer import Stepped, Trainer
from .workers import told_by_leader

NOTHING, SCHEDULE, REQUEST, STOP = range(4)
"""What a host asks of all; the greatest is done."""
REASONS = {SCHEDULE: "schedule", REQUEST: "request", STOP: "stop"}
DISK_SECONDS = 30.0


class Flight(NamedTuple):
    """A step on the devices."""

    stepped: Stepped
    tokens: int
    began: float


class Resumed(NamedTuple):
    """Where an attempt begins: what the checkpoint's manifest says, zeros without one."""

    step: int
    tokens: float
    seconds: float
    evaluation_loss: float | None
    data: str = ""
    """Version of the data, where it had one."""


class Loop:
    def __init__(self, run: AnyRun, trainer: Trainer, batches: BatchSource, resumed: Resumed, alerts: Alerts, sharded: ShardedState | None, ahead: int, alone: bool) -> None:
        """sharded: for checkpoints of Orbax beside the engine's. ahead: steps that are handed on before the results of an earlier one are looked at.
        alone: whether this is the only process."""
        self._run, self._trainer, self._batches, self._resumed, self._alerts, self._ahead, self._alone = run, trainer, batches, resumed, alerts, ahead, alone
        self._sharded = sharded
        self._training = trainer.spec["training"]
        self._tokens, self._seconds = resumed.tokens, resumed.seconds
        self._flights: deque[Flight] = deque()
        self._last = self._saved_at = time.monotonic()
        self._saved_step, self._saved_bytes = (resumed.step if resumed.step > 0 else -1), trainer.checkpoint_bytes
        self._asked = NOTHING
        self._evaluation: tuple[int, float | None] | None = None
        self._stall, self._recorder, self._saver = Stall(), Recorder("recorder", 1000), Recorder("saver", 1)
        self._disk = DiskSpace(run.path) if isinstance(run, RunDirectory) else None

    def go(self, stopping: Callable[[], bool]) -> tuple[str, str]:
        """Trains until the last step, or until a stop is asked for. Returns the reason and the sentence of the end."""
        run, training, steps, size = self._run, self._training, self._trainer.steps, self._training["batchSize"]
        self._look_at_disk()
        # A stop may have cut short the evaluation that was due at the step of its checkpoint.
        if run.step > 0 and self._resumed.evaluation_loss is None and run.step % training["evaluateEvery"] == 0:
            self._evaluate(stopping)
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), name="watch", daemon=True).start()
        try:
            with ThreadPoolExecutor(1, "batches") as pool:
                step = run.step
                following = pool.submit(self._batches.training, step * size) if step < steps else None
                if following:
                    self._trainer.compile(following.result())
                while step < steps:
                    batch = following.result()
                    step += 1
                    following = pool.submit(self._batches.training, step * size) if step < steps else None
                    began = time.monotonic()
                    self._flights.append(Flight(self._trainer.step(step, batch, self._request(stopping)), count_tokens(batch, self._trainer.model.pad), began))
                    while len(self._flights) > self._ahead:
                        self._finish()
                    if self._between(step, stopping) == "stopped":
                        return "stopped", f"Stopped at step {step} of {steps}."
            return "completed", f"Completed {steps} steps."
        finally:
            done.set()

    def _between(self, step: int, stopping: Callable[[], bool]) -> str | None:
        """What is due after a step, once its results are there."""
        last = step == self._trainer.steps
        evaluates = last or step % self._training["evaluateEvery"] == 0
        saves = last or self._asked != NOTHING or step % self._training["checkpoint"]["everySteps"] == 0
        if evaluates or saves:
            while self._flights:
                self._finish()
            # Time that went by here is no step's.
            if evaluates:
                self._evaluate(stopping)
            if saves:
                self._save("final" if last else REASONS.get(self._asked, "schedule"))
            self._last = time.monotonic()
        asked, self._asked = self._asked, NOTHING
        if last or asked == STOP:
            self._saver.wait()
            self._recorder.wait()
        if asked == REQUEST:
            self._saver.wait()
            self._run.answered("checkpoint")
        return "stopped" if asked == STOP and not last else None

    def _request(self, stopping: Callable[[], bool]) -> int:
        if stopping():
            return STOP
        if self._run.requested("checkpoint"):
            return REQUEST
        return SCHEDULE if time.monotonic() - self._saved_at > 60 * self._training["checkpoint"]["everyMinutes"] else NOTHING

    def _finish(self) -> None:
        """Waits for the oldest step on the devices and has it recorded."""
        stepped, tokens, began = self._flights[0]
        scalars = self._trainer.scalars(stepped)
        asked = int(np.asarray(stepped.output.request))
        self._flights.popleft()
        now = time.monotonic()
        seconds, self._last = max(now - max(began, self._last), 1e-9), now
        self._saver.check()  # a disk that is full ends the run now, not at the next checkpoint
        if not (math.isfinite(scalars["totalLoss"]) and math.isfinite(scalars["gradientNorm"])):
            self._refuse(stepped.step, scalars)
        self._asked = max(self._asked, asked)
        self._run.step = stepped.step
        self._tokens += tokens
        self._seconds += seconds
        if isinstance(self._run, RunDirectory):
            totals = (self._tokens, self._seconds)
            self._recorder.give(lambda: self._record(stepped, scalars, tokens, seconds, totals))

    def _refuse(self, step: int, scalars: dict[str, float]) -> None:
        self._recorder.wait()
        loss, norm = scalars["loss"], scalars["gradientNorm"]
        what = f"gradient became {wire(norm)}" if math.isfinite(loss) else f"loss became {wire(loss)}"
        message = f"The {what} at step {step}; parameters were left as they were. Lower the learning rate and start again."
        self._run.write(run_alert(step, "error", "non-finite", message))
        raise RunFailure("non-finite", message)

    def _record(self, stepped: Stepped, scalars: dict[str, float], tokens: int, seconds: float, totals: tuple[float, float]) -> None:
        step, training, steps = stepped.step, self._training, self._trainer.steps
        ends = step in (1, steps)
        routed = bool(stepped.output.routed) and (ends or step % training["routingEvery"] == 0)
        layers = self._trainer.routing(stepped.output.routed, stepped.lengths, True) if routed else None
        stalled = self._stall.finished(step, seconds)
        alerts = [*self._alerts.observe(step, scalars["loss"], layers), *([stalled] if stalled else [])]
        if not (ends or layers or step % training["logEvery"] == 0):
            if alerts:
                self._run.write(*alerts)
            return
        sparse = self._trainer.model.sparse is not None
        values = {name: value for name, value in scalars.items() if sparse or name not in ("auxiliaryLoss", "zLoss")}
        values |= {"learningRate": stepped.learning_rate, "tokensPerSecond": tokens / seconds, "stepSeconds": seconds, "memoryBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        if layers:
            mesh = self._trainer.program.mesh
            axes = {f"mesh.axis.{axis}": getattr(mesh, axis) for axis in ("data", "expert", "model")} if mesh.ranks > 1 else {}
            values |= {**routing_values(layers), "deadExperts": self._alerts.dead_experts, **axes}
        self._run.write({"kind": "metrics", "step": step, "tokens": totals[0], "seconds": totals[1], "values": values},
                        *({"kind": "routing", "step": step, **layer} for layer in layers or []), *alerts)
        if ends or step % 10 == 0:
            say(f"step {step}/{steps} loss {scalars['loss']:.4f} {tokens / seconds:.0f} tokens/s")
        if time.monotonic() - self._looked_at_disk > DISK_SECONDS:
            self._look_at_disk()

    def _evaluate(self, stopping: Callable[[], bool]) -> None:
        """Means over the held-out batches. A stop that is asked for meanwhile ends it, with nothing recorded."""
        run, sums, targets, routed, dropped, told = self._run, np.zeros(4), 0, 0, 0.0, time.monotonic()
        for i in range(self._batches.evaluation_batches):
            if self._alone and stopping():
                return
            batch = self._batches.evaluation(i)
            output, lengths = self._trainer.evaluate(batch)
            sums += np.asarray(output.sums, np.float64)
            targets += int((batch["labels"] != self._trainer.model.pad).sum())
            for layer in self._trainer.routing(output.routed, lengths, False):
                routed, dropped = routed + layer["tokens"], dropped + layer["dropped"] * layer["tokens"]
            if time.monotonic() - told > 0.5:
                told = time.monotonic()
                run.write({"kind": "progress", "phase": "evaluating", "done": i + 1, "total": self._batches.evaluation_batches, "unit": "batches"})
        loss, accuracy, exact = sums[0] / targets, sums[1] / targets, sums[3] / max(sums[2], 1)
        pairs = self._trainer.spec["data"]["objective"] == "text-to-text"
        values = {"evaluation.loss": float(loss), "evaluation.accuracy": float(accuracy), **({"evaluation.exactMatch": float(exact)} if pairs else {}),
                  **({"evaluation.droppedFraction": dropped / routed} if routed else {})}
        self._evaluation = (run.step, float(loss) if math.isfinite(loss) else None)
        self._recorder.wait()
        run.write({"kind": "evaluation", "step": run.step, "tokens": self._tokens, "seconds": self._seconds, "values": values})
        whole = f", {100 * exact:.1f}% of targets in full" if pairs else ""
        run.log("info", f"Evaluation at step {run.step}: cross-entropy {loss:.4f} nats/token, {100 * accuracy:.1f}% of target tokens right{whole}.")

    def _save(self, reason: str) -> None:
        """Copies the state to the host and has it written. A checkpoint that is still being written is waited for."""
        step = self._run.step
        self._saved_at = time.monotonic()
        if step == self._saved_step:
            return
        self._saved_step = step
        self._saver.wait()
        self._recorder.wait()  # what the alerts have seen is part of the checkpoint
        run = self._run
        leads = isinstance(run, RunDirectory)
        aside = Path(told_by_leader(str(begin_checkpoint(run.path, step)) if leads else ""))
        if self._sharded:
            self._sharded.save(aside, self._trainer.arrays())
            if not leads:
                self._saver.give(self._sharded.wait)
        tensors = None if self._sharded else self._trainer.tensors()
        if not leads:
            return
        # Only an evaluation of these very parameters says how good the checkpoint is.
        loss = self._evaluation[1] if self._evaluation and self._evaluation[0] == step else None
        spec, alerts, version = self._trainer.spec, self._alerts.state(), self._batches.version
        facts = {"step": step, "attempt": run.attempt, "engine": "switchyard-jax", "tokens": self._tokens, "seconds": self._seconds,
                 "position": {"example": step * self._training["batchSize"], "seed": spec["seed"], **({"data": version} if version else {})}, "evaluationLoss": loss}

        def write() -> None:
            run.write({"kind": "progress", "phase": "saving-checkpoint", "done": 0, "total": self._saved_bytes, "unit": "bytes"})
            if self._sharded:
                self._sharded.wait()
            size = self._saved_bytes = finish_checkpoint(aside, tensors or self._trainer.named(ShardedState.whole(aside, self._trainer.abstract())), alerts, facts)
            best = best_of(list_checkpoints(run.path))
            run.write({"kind": "checkpoint", "step": step, "action": "written", "reason": reason, "bytes": size, "evaluationLoss": loss, "best": best is not None and best.step == step})
            run.log("info", f"Checkpoint of step {step} saved, {size / 2 ** 20:.1f} MiB ({reason}).")
            kept = self._training["checkpoint"]
            for one in retain(run.path, kept["keepLast"], kept["keepBest"]):
                run.write({"kind": "checkpoint", "step": one.step, "action": "removed", "reason": "retention", "bytes": one.bytes, "evaluationLoss": one.manifest["evaluationLoss"], "best": False})
            self._look_at_disk()

        self._saver.give(write)

    def _look_at_disk(self) -> None:
        self._looked_at_disk = time.monotonic()
        alert = self._disk.look(self._run.step, self._saved_bytes) if self._disk else None
        if alert:
            self._run.write(alert)

    def _watch(self, done: threading.Event) -> None:
        """Says of a step that does not finish."""
        while not done.wait(1.0):
            try:
                flight = self._flights[0]
            except IndexError:
                continue
            alert = self._stall.waiting(flight.stepped.step, time.monotonic() - max(flight.began, self._last))
            if alert:
                self._run.write(alert)
