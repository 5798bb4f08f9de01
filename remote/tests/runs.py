"""Run directories of tiny models, trained by the program itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from conftest import ROOT, run_node, write_json


def tiny_spec(text: Path, **changes: dict[str, Any]) -> dict[str, Any]:
    """A spec of a tiny Switch model on the text of a folder, with changes to its sections. Its blocks repeat, which halves what is compiled."""
    spec = {
        "name": "tiny", "seed": 3, "device": "cpu",
        "model": {"dModel": 16, "dFf": 32, "heads": 2, "dKv": 8, "encoderLayers": 2, "decoderLayers": 2, "precision": "fp32", "sparse": {"experts": 4, "every": 1}},
        "data": {"source": {"kind": "files", "paths": [str(text)]}, "inputLength": 32, "targetLength": 16, "evaluationFraction": 0.1},
        "training": {"batchSize": 8, "steps": 12, "warmupSteps": 4, "routingEvery": 3, "evaluateEvery": 6, "evaluationBatches": 2, "threads": 1,
                     "checkpoint": {"everySteps": 5, "keepLast": 2, "everyMinutes": 1000}},
    }
    for section, change in changes.items():
        spec[section] = {**spec.get(section, {}), **change} if isinstance(change, dict) else change
    return spec


def make_text(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(30):
        lines = [f"On page {i} line {line} says that {(i * 7919 + line * 104729) % 1000} is not {(i * 31 + line) % 97}.\n" for line in range(40)]
        (folder / f"{i}.txt").write_text("".join(lines))
    return folder


def make_run(path: Path, spec: dict[str, Any]) -> Path:
    """A run directory with prepared data, as the backend leaves it on a host."""
    path.mkdir(parents=True)
    write_json(path / "spec.json", spec)
    run_node(ROOT / "remote/tests/prepare.ts", str(path))
    return path


def start(run: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "switchyard_jax", str(run), *words], env={**os.environ, "PYTHONPATH": str(ROOT / "remote"), **environment},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def train(run: Path, *words: str, code: int = 0, **environment: str) -> str:
    """One attempt to its end. Returns what it printed."""
    child = start(run, *words, **environment)
    output, _ = child.communicate(timeout=120)
    assert child.returncode == code, output
    return output


def events_of(run: Path) -> list[dict[str, Any]]:
    lines = (run / "events.jsonl").read_text().splitlines() if (run / "events.jsonl").exists() else []
    events = []
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            pass  # a torn one
    return events


def of_kind(run: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in events_of(run) if event["kind"] == kind]


def exit_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "exit.json").read_text())


def history(run: Path) -> list[dict[str, Any]]:
    """Rows that later attempts have not superseded, with all that is measured but time and memory."""
    rows: list[dict[str, Any]] = []
    for event in events_of(run):
        if event["kind"] == "attempt":
            rows = [row for row in rows if row["step"] <= event["fromStep"]]
        elif event["kind"] in ("metrics", "evaluation"):
            values = {name: value for name, value in event["values"].items() if name not in ("tokensPerSecond", "stepSeconds", "memoryBytes")}
            rows.append({"kind": event["kind"], "step": event["step"], "tokens": event["tokens"], "values": values})
        elif event["kind"] == "routing":
            rows.append({name: value for name, value in event.items() if name not in ("attempt", "seq", "t")})
    return rows


def wait_for_step(run: Path, step: int, child: subprocess.Popen[str], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not any(event["step"] >= step for event in of_kind(run, "metrics")):
        assert child.poll() is None, child.communicate()[0]
        assert time.monotonic() < deadline, f"step {step} was not reached in {seconds} s"
        time.sleep(0.02)


def end(child: subprocess.Popen[str]) -> None:
    """Ends a child that a failed test has left."""
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
        child.communicate()
