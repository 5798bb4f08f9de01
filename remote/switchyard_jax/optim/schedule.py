"""The learning rate of a step, as native/optim/schedule.cpp has it."""

import math
from typing import Any


def learning_rate(training: dict[str, Any], steps: int, step: int) -> float:
    """step counts from 1; steps: those that the run is trained to."""
    base, warmup = training["learningRate"], max(1, training["warmupSteps"])
    if step <= warmup:
        return base * step / warmup
    past = min(max((step - warmup) / max(steps - warmup + 1.0, 1.0), 0.0), 1.0)
    match training["schedule"]:
        case "inverse-square-root":
            return base * math.sqrt(warmup / step)
        case "linear":
            return base * (1.0 - past)
        case "cosine":
            return base * 0.5 * (1.0 + math.cos(math.pi * past))
        case _:
            return base
