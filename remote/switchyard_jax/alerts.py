"""What the losses and the routers say that deserves a person's attention, each said once an episode. The same as trainer/alerts.ts: what was seen so far is
part of a checkpoint, so that a resumed run says the same, whichever trainer goes on."""

import math
from typing import Any

WINDOW = 20
"""Recorded steps over which loads are added up and drops averaged."""
DEAD, COLLAPSE, OVERLOAD, DROP, SPIKE = (0.1, 0.2), (0.8, 0.6), (4.0, 3.0), (0.3, 0.2), (6.0, 3.0)
"""Thresholds: raised beyond the first, cleared beyond the second."""
SPIKE_AFTER = 50
Alert = dict[str, Any]


def run_alert(step: int, level: str, code: str, message: str) -> Alert:
    """An alert of the run as a whole."""
    return {"kind": "alert", "step": step, "level": level, "code": code, "message": message, "stack": None, "layer": None, "expert": None}


class Alerts:
    def __init__(self, state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self._raised: dict[str, None] = dict.fromkeys(state.get("raised", []))
        self._mean, self._variance, self._losses = state.get("mean", 0.0), state.get("variance", 0.0), state.get("losses", 0)
        self.dead_experts: int = state.get("deadExperts", 0)
        self._layers = {one["key"]: {"loads": [list(load) for load in one["loads"]], "dropped": list(one["dropped"]), "dead": dict.fromkeys(one["dead"])} for one in state.get("layers", [])}

    def state(self) -> dict[str, Any]:
        """A copy, for a checkpoint that is written while steps go on."""
        return {
            "v": 1, "mean": self._mean, "variance": self._variance, "losses": self._losses, "raised": list(self._raised), "deadExperts": self.dead_experts,
            "layers": [{"key": key, "loads": list(one["loads"]), "dropped": list(one["dropped"]), "dead": list(one["dead"])} for key, one in self._layers.items()],
        }

    def observe(self, step: int, loss: float, routing: list[dict[str, Any]] | None) -> list[Alert]:
        """Judges one finished step."""
        alerts: list[Alert] = []
        self._spike(step, loss, alerts)
        if routing is not None:
            self.dead_experts = 0
            for layer in routing:
                self._layer(step, layer, alerts)
        return alerts

    def _rises(self, key: str, value: float, thresholds: tuple[float, float]) -> bool:
        """True once when the value rises above the first; again only after it fell below the second."""
        high, low = thresholds
        if value < low:
            self._raised.pop(key, None)
        if not value > high or key in self._raised:
            return False
        self._raised[key] = None
        return True

    def _spike(self, step: int, loss: float, alerts: list[Alert]) -> None:
        deviation = math.sqrt(self._variance)
        if self._losses >= SPIKE_AFTER and loss > self._mean * 1.2 and self._rises("spike", (loss - self._mean) / max(deviation, 1e-6), SPIKE):
            alerts.append(run_alert(step, "warning", "spike", f"The loss jumped to {loss:.3f} from a running mean of {self._mean:.3f}."))
        elif loss <= self._mean * 1.1:
            self._raised.pop("spike", None)
        self._losses += 1
        weight, difference = max(0.02, 1 / self._losses), loss - self._mean
        self._mean += weight * difference
        self._variance = (1 - weight) * (self._variance + weight * difference * difference)

    def _layer(self, step: int, routing: dict[str, Any], alerts: list[Alert]) -> None:
        stack, layer, experts, load, tokens = (routing[name] for name in ("stack", "layer", "experts", "load", "tokens"))
        key, name, places = f"{stack} {layer}", f"{stack} layer {layer}", experts * routing["capacity"] * routing["groups"]

        def say(code: str, message: str, expert: int | None = None) -> None:
            alerts.append({"kind": "alert", "step": step, "level": "warning", "code": code, "message": message, "stack": stack, "layer": layer, "expert": expert})

        window = self._layers.setdefault(key, {"loads": [], "dropped": [], "dead": {}})
        window["loads"].append(load)
        # A capacity factor below 1 has no place for some tokens, whatever the router does: that is meant.
        window["dropped"].append(routing["dropped"] - max(0.0, 1 - places / max(tokens, 1)))
        if len(window["loads"]) > WINDOW:
            window["loads"].pop(0)
            window["dropped"].pop(0)
        full, during = len(window["loads"]) == WINDOW, f"over the last {WINDOW} recorded steps"
        sums = [sum(one) for one in zip(*window["loads"])]
        fair = sum(sums) / experts
        for expert, total in enumerate(sums):
            if total < fair * DEAD[0]:
                self.dead_experts += 1
                if full and expert not in window["dead"]:
                    window["dead"][expert] = None
                    say("dead-expert", f"Expert {expert} of {name} got {100 * total / fair:.1f}% of its fair share {during}.", expert)
            elif total > fair * DEAD[1]:
                window["dead"].pop(expert, None)
        if tokens == 0:
            return
        largest, choices = max(load), sum(load) / tokens
        busiest = load.index(largest)
        # An expert's fair share of the tokens grows with their choices.
        if experts > 2 * choices and self._rises(f"collapse {key}", largest / tokens, COLLAPSE):
            say("collapse", f"Expert {busiest} of {name} takes {100 * largest / tokens:.0f}% of all tokens.", busiest)
        if not full:
            return
        most, drop = max(sums), sum(window["dropped"]) / WINDOW
        expert = sums.index(most)
        if self._rises(f"overload {key}", most / fair, OVERLOAD):
            say("overload", f"Expert {expert} of {name} got {most / fair:.1f} times the mean load {during}.", expert)
        if self._rises(f"drop {key}", drop, DROP):
            beyond = ", beyond those that there is no place for" if places < tokens else ""
            say("drop-rate", f"{100 * drop:.0f}% of the tokens of {name} were dropped {during}{beyond}; a larger capacity factor keeps more.")


def routing_values(layers: list[dict[str, Any]]) -> dict[str, float]:
    """The run's routing metrics of a step, over all sparse layers. Definitions: docs/definitions.md section 2."""
    tokens = sum(one["tokens"] for one in layers)
    places = sum(one["experts"] * one["capacity"] * one["groups"] for one in layers)
    kept, every = sum(sum(one["kept"]) for one in layers), max(1, tokens)
    return {
        "droppedFraction": sum(one["dropped"] * one["tokens"] for one in layers) / every, "paddingFraction": 1 - kept / max(1, places), "expertsPerToken": kept / every,
        "overload": max(max(one["load"]) * one["experts"] / max(1, sum(one["load"])) for one in layers),
        "routerEntropy": sum(one["entropy"] * one["tokens"] for one in layers) / every, "routerConfidence": sum(one["confidence"] * one["tokens"] for one in layers) / every,
    }
