"""Two processes of four devices each train as one process of eight does; when one is gone the other ends, the run says who it was, and a resume goes on."""

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
from runs import end, exit_of, history, make_run, make_text, of_kind, start, tiny_spec, train

FLAGS = os.environ["XLA_FLAGS"].replace("device_count=8", "device_count=4")
MODEL = {"architecture": "decoder-only", "dModel": 16, "dFf": 16, "heads": 4, "dKv": 4, "decoderLayers": 2, "sparse": {"experts": 4, "every": 1}}
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


def stop(run: Path, children: list[subprocess.Popen[str]]) -> int:
    """Asks process 0 to stop, and waits for both. Returns the step that they came to."""
    (run / "control/stop.json").write_text(json.dumps({"v": 1, "verb": "stop", "t": time.time()}))
    outputs = [child.communicate(timeout=90)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert exit_of(run)["reason"] == "stopped"
    return exit_of(run)["step"]


def wait_for_rows(run: Path, attempt: int, count: int, child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len([event for event in of_kind(run, "metrics") if event["attempt"] == attempt]) < count:
        assert child.poll() is None, child.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_that_share_the_directory_train_as_one_and_keep_their_own_shards(tmp_path: Path, text: Path) -> None:
    """Orbax's state is written by both and read by both, and is what the engine's files hold."""
    spec = spec_of(text, steps=4000)
    run, alone = make_run(tmp_path / "run", spec), make_run(tmp_path / "alone", spec)
    children = start_both(run, run)
    try:
        wait_for_rows(run, 1, 5, children[0])
        stopped = stop(run, children)
        children = start_both(run, run, "--steps", str(stopped + 2))
        outputs = [child.communicate(timeout=150)[0] for child in children]
        assert [child.returncode for child in children] == [0, 0], outputs
    finally:
        for child in children:
            end(child)
    last = f"checkpoints/step-{stopped + 2}"
    assert (run / last / "orbax").is_dir()
    assert of_kind(run, "attempt")[0]["device"] == "cpu × 8"
    assert of_kind(run, "attempt")[1]["fromStep"] == stopped
    train(alone, "--mesh", MESH, "--steps", str(stopped + 2))
    routed_by_both = {row["step"] for row in history(run) if row["kind"] == "routing"}
    # A step is recorded in full where an attempt ends as well.
    assert_close([row for row in history(run) if row["kind"] == "routing"], [row for row in history(alone) if row["kind"] == "routing" and row["step"] in routed_by_both])
    losses = [[row["values"]["loss"] for row in history(folder) if row["kind"] == "metrics"] for folder in (run, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name in ("model", "optimizer"):
        found, wanted = (load_file(folder / last / f"{name}.safetensors") for folder in (run, alone))
        assert set(found) == set(wanted)
        for tensor, value in wanted.items():
            np.testing.assert_allclose(found[tensor], value, rtol=0, atol=1e-3 * np.abs(value).max(), err_msg=tensor)


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


def test_a_worker_that_is_gone_is_named_and_resume_goes_on(tmp_path: Path, text: Path) -> None:
    """Each worker has a directory of its own, as on a pod. One is killed, and after the resume stopped, so that it closes no connection."""
    spec = spec_of(text, steps=4000, evaluateEvery=4000)
    run, other = make_run(tmp_path / "run", spec), make_run(tmp_path / "other", spec)
    name = f"Worker 1 of 2 ({socket.gethostname()})"
    children = start_both(run, other)
    try:
        wait_for_rows(run, 1, 8, children[0])
        assert lose(run, children, signal.SIGKILL) == f"{name} ended; the other workers were stopped. Resume continues from the last checkpoint."
        children = start_both(run, other)
        wait_for_rows(run, 2, 2, children[0])
        resumed = of_kind(run, "attempt")[-1]["fromStep"]
        assert resumed > 0 and resumed % 5 == 0
        assert lose(run, children, signal.SIGSTOP) == f"{name} has not been heard of for 20 s; the other workers were stopped. Resume continues from the last checkpoint."
    finally:
        for child in children:
            end(child)
    assert sorted(path.name for path in other.iterdir()) == ["data.json", "spec.json"]


def lose(run: Path, children: list[subprocess.Popen[str]], how: signal.Signals) -> str:
    """Does this to worker 1. Returns what the run says of it, within half a minute."""
    children[1].send_signal(how)
    lost = time.monotonic()
    output, _ = children[0].communicate(timeout=60)
    assert time.monotonic() - lost < 30, output
    assert children[0].returncode == 1, output
    assert (exit_of(run)["reason"], exit_of(run)["by"]) == ("crashed", "trainer")
    return exit_of(run)["message"]


def test_the_coordinator_must_be_named(tmp_path: Path, text: Path) -> None:
    run = make_run(tmp_path / "run", spec_of(text))
    done = subprocess.run([sys.executable, "-m", "switchyard_jax", str(run), "--processes", "2", "--coordinator", "here"], env={**os.environ, "PYTHONPATH": str(ROOT / "remote")}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert exit_of(run)["message"] == "The coordinator is 'here' where HOST:PORT is needed; name the host of process 0 and a free port of it."
