"""Two processes of four devices each train as one process does; when one is killed the other is stopped, the run says who it was, and a resume goes on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import ROOT
from runs import end, events_of, exit_of, history, make_run, make_text, of_kind, start, tiny_spec, train, wait_for_step

FLAGS = os.environ["XLA_FLAGS"].replace("device_count=8", "device_count=4")
MODEL = {"architecture": "decoder-only", "dModel": 16, "dFf": 16, "heads": 4, "dKv": 4, "decoderLayers": 2, "sparse": {"experts": 4}}
MESH = "2,2,2"


def spec_of(text: Path, **training: Any) -> dict[str, Any]:
    return tiny_spec(text, model=MODEL, data={**tiny_spec(text)["data"], "objective": "causal"}, training={**tiny_spec(text)["training"], "steps": 10, **training})


def free_ports() -> int:
    """A port that is free, and so is the one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def start_both(run: Path, other: Path, *words: str) -> list[subprocess.Popen[str]]:
    """A pod's workers have each their own directory; process 0 writes its own."""
    common = (*(() if "--mesh" in words else ("--mesh", MESH)), "--coordinator", f"127.0.0.1:{free_ports()}", "--processes", "2", *words)
    return [start(directory, *common, "--process", str(i), XLA_FLAGS=FLAGS) for i, directory in enumerate((run, other))]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text(tmp_path_factory.mktemp("workers") / "text")


def test_two_processes_train_as_one(tmp_path: Path, text: Path) -> None:
    spec = spec_of(text)
    run, other, alone = (make_run(tmp_path / name, spec) for name in ("run", "other", "alone"))
    children = start_both(run, other)
    try:
        outputs = [child.communicate(timeout=150)[0] for child in children]
    finally:
        for child in children:
            end(child)
    assert [child.returncode for child in children] == [0, 0], outputs
    assert exit_of(run)["reason"] == "completed"
    assert of_kind(run, "attempt")[0]["device"] == "cpu × 8"
    assert sorted(path.name for path in other.iterdir()) == ["data.json", "spec.json"]
    train(alone, "--mesh", MESH)
    assert_close(history(run), history(alone))


def assert_close(found: Any, wanted: Any) -> None:
    """Equal but for the order in which floating-point sums are taken."""
    if isinstance(wanted, dict):
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            assert_close(found[name], value)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted):
            assert_close(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    else:
        assert found == wanted


def test_processes_that_share_the_directory_keep_their_own_shards(tmp_path: Path, text: Path) -> None:
    """Orbax's state is written by both, read by both on another mesh, and is what the engine's files hold."""
    run = make_run(tmp_path / "run", spec_of(text))
    for words in (("--steps", "5"), ("--steps", "7", "--mesh", "4,1,2")):
        children = start_both(run, run, *words)
        try:
            outputs = [child.communicate(timeout=150)[0] for child in children]
        finally:
            for child in children:
                end(child)
        assert [child.returncode for child in children] == [0, 0], outputs
    assert (run / "checkpoints/step-5/orbax").is_dir() and (run / "checkpoints/step-7/orbax").is_dir()
    alone = make_run(tmp_path / "alone", spec_of(text))
    train(alone, "--steps", "7", "--mesh", MESH)
    losses = [[row["values"]["loss"] for row in history(folder) if row["kind"] == "metrics"] for folder in (run, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name in ("model", "optimizer"):
        found, wanted = (load_file(folder / f"checkpoints/step-7/{name}.safetensors") for folder in (run, alone))
        assert set(found) == set(wanted)
        for tensor, value in wanted.items():
            np.testing.assert_allclose(found[tensor], value, rtol=0, atol=1e-3 * np.abs(value).max(), err_msg=tensor)


def test_a_killed_worker_is_named_and_resume_goes_on(tmp_path: Path, text: Path) -> None:
    spec = spec_of(text, steps=4000, evaluateEvery=4000)
    run, other = make_run(tmp_path / "run", spec), make_run(tmp_path / "other", spec)
    children = start_both(run, other)
    try:
        wait_for_step(run, 8, children[0])
        killed = time.monotonic()
        children[1].send_signal(signal.SIGKILL)
        output, _ = children[0].communicate(timeout=60)
        assert time.monotonic() - killed < 30
        assert children[0].returncode == 1, output
        last = exit_of(run)
        assert (last["reason"], last["by"]) == ("crashed", "trainer")
        assert last["message"].startswith(f"Worker 1 of 2 ({socket.gethostname()}) ended; the other workers were stopped.")
        # The last checkpoint is at a multiple of 5; both go on from there, and stop when process 0 is asked to.
        children = start_both(run, other)
        attempts = len(of_kind(run, "attempt"))
        deadline = time.monotonic() + 90
        while len(of_kind(run, "attempt")) == attempts or len([e for e in events_of(run) if e["attempt"] == 2 and e["kind"] == "metrics"]) < 3:
            assert children[0].poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        resumed = of_kind(run, "attempt")[-1]["fromStep"]
        assert resumed > 0 and resumed % 5 == 0
        (run / "control/stop.json").write_text(json.dumps({"v": 1, "verb": "stop", "t": time.time()}))
        outputs = [child.communicate(timeout=60)[0] for child in children]
        assert [child.returncode for child in children] == [0, 0], outputs
        assert exit_of(run)["reason"] == "stopped"
    finally:
        for child in children:
            end(child)


def test_a_worker_that_is_stopped_is_noticed(tmp_path: Path, text: Path) -> None:
    """A process that no longer runs closes no connection."""
    spec = spec_of(text, steps=4000, evaluateEvery=4000)
    run, other = make_run(tmp_path / "run", spec), make_run(tmp_path / "other", spec)
    children = start_both(run, other)
    try:
        wait_for_step(run, 2, children[0])
        children[1].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        output, _ = children[0].communicate(timeout=60)
        assert time.monotonic() - stopped < 30, output
        assert "has not been heard of for 20 s" in exit_of(run)["message"]
    finally:
        for child in children:
            end(child)


def test_the_coordinator_must_be_named(tmp_path: Path, text: Path) -> None:
    run = make_run(tmp_path / "run", spec_of(text))
    done = subprocess.run([sys.executable, "-m", "switchyard_jax", str(run), "--processes", "2", "--coordinator", "here"], env={**os.environ, "PYTHONPATH": str(ROOT / "remote")}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert exit_of(run)["message"] == "The coordinator is 'here' where HOST:PORT is needed; name the host of process 0 and a free port of it."
