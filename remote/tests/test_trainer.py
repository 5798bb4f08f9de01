"""The trainer as the agent starts it: a run directory in, events, checkpoints and an end out."""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import jax
from conftest import NODE, ROOT, run_node, write_json
from switchyard_jax.alerts import Alerts
from switchyard_jax.data.pairs import open_batches
from switchyard_jax.data.prepared import open_prepared
from switchyard_jax.devices import Devices, mesh_of
from switchyard_jax.failure import RunFailure
from switchyard_jax.loop import Loop, Resumed
from switchyard_jax.mesh.axes import ONE
from switchyard_jax.model.sizes import model_of
from switchyard_jax.run.directory import RunDirectory
from switchyard_jax.spec import read_spec
from switchyard_jax.train import keep_compilations
from switchyard_jax.trainer import Trainer
from switchyard_jax.training_step import Program
from runs import end, events_of, exit_of, history, make_run, make_text, of_kind, start, tiny_spec, train, wait_for_step


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text(tmp_path_factory.mktemp("text") / "text")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, text: Path) -> Path:
    """A run that was trained without interruption."""
    run = make_run(tmp_path_factory.mktemp("whole") / "run", tiny_spec(text))
    assert train(run).endswith("Completed 12 steps.\n")
    return run


def steps_of(run: Path) -> list[int]:
    return sorted(int(folder.name.removeprefix("step-")) for folder in (run / "checkpoints").iterdir())


def test_a_run_is_told_by_events_that_the_contract_knows(whole: Path) -> None:
    told = json.loads(run_node(ROOT / "remote/tests/readRun.ts", str(whole)))
    assert told == {"events": len(events_of(whole)), "checkpoints": [10, 12], "exit": "completed"}
    kinds = {kind: len(of_kind(whole, kind)) for kind in ("attempt", "metrics", "routing", "evaluation", "checkpoint")}
    # Routing of 4 sparse layers at steps 1, 3, 6, 9, 12; checkpoints of 5, 10 and 12 written, 5 removed.
    assert kinds == {"attempt": 1, "metrics": 12, "routing": 20, "evaluation": 2, "checkpoint": 4}
    assert steps_of(whole) == [10, 12]
    values = of_kind(whole, "metrics")[-1]["values"]
    assert {"loss", "totalLoss", "auxiliaryLoss", "zLoss", "gradientNorm", "learningRate", "tokensPerSecond", "stepSeconds", "memoryBytes", "droppedFraction", "paddingFraction",
            "expertsPerToken", "overload", "routerEntropy", "routerConfidence", "deadExperts"} == set(values)
    heartbeat = json.loads((whole / "heartbeat.json").read_text())
    assert heartbeat["attempt"] == 1
    assert json.loads((whole / "process.json").read_text())["argv"][:3] == ["python", "-m", "switchyard_jax"]


@pytest.mark.usefixtures("addon")
def test_the_native_trainer_makes_the_same_run(tmp_path: Path, text: Path, whole: Path) -> None:
    """From the same spec, without a common checkpoint: weights, batches, dropout and updates are the same."""
    run = make_run(tmp_path / "run", tiny_spec(text))
    native(run)
    assert_close(history(whole), history(run))
    # What the alerts have seen is part of it.
    found, wanted = (json.loads((folder / "checkpoints/step-12/alerts.json").read_text()) for folder in (whole, run))
    compare(found, wanted, "alerts")


@pytest.mark.usefixtures("addon")
def test_either_trainer_continues_the_other(tmp_path: Path, text: Path) -> None:
    run, alone = (make_run(tmp_path / name, tiny_spec(text)) for name in ("run", "alone"))
    native(run, "--steps", "5")
    train(run, "--steps", "9")
    native(run, "--steps", "12")
    native(alone, "--steps", "12")
    assert_close([row for row in history(run) if row["kind"] == "metrics"], [row for row in history(alone) if row["kind"] == "metrics"], routing=False)
    for name in ("model", "optimizer"):
        found, wanted = (load_file(one / f"checkpoints/step-12/{name}.safetensors") for one in (run, alone))
        assert set(found) == set(wanted)
        for tensor, value in wanted.items():
            np.testing.assert_allclose(found[tensor], value, rtol=0, atol=1e-3 * np.abs(value).max(), err_msg=tensor)


def native(run: Path, *words: str) -> None:
    done = subprocess.run([NODE, ROOT / "trainer/main.ts", str(run), *words], env=dict(os.environ), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def compare(one: Any, other: Any, path: str) -> None:
    if isinstance(other, dict):
        assert set(one) == set(other), path
        for name, value in other.items():
            compare(one[name], value, f"{path}.{name}")
    elif isinstance(other, list):
        assert len(one) == len(other), path
        for i, (x, y) in enumerate(zip(one, other)):
            compare(x, y, f"{path}[{i}]")
    elif isinstance(other, (int, float)):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5), path
    else:
        assert one == other, path


def assert_close(found: list[Any], wanted: list[Any], routing: bool = True) -> None:
    def rows(history_: list[Any]) -> list[Any]:
        return sorted(({**row, "values": {name: value for name, value in row["values"].items() if routing or name in ("loss", "gradientNorm", "learningRate")}} if "values" in row else row
                       for row in history_), key=lambda row: (row["step"], row["kind"], row.get("stack", ""), row.get("layer", 0)))

    compare(rows(found), rows(wanted), "rows")


def test_steps_that_are_handed_on_ahead_make_the_same_run(tmp_path: Path, text: Path, whole: Path) -> None:
    """As on accelerators, where results are looked at two steps later."""
    keep_compilations()  # the program is that of the other tests
    run = make_run(tmp_path / "run", tiny_spec(text))
    spec = read_spec(run, None)
    prepared = open_prepared(run, spec["data"]["tokenizer"], lambda *_: None)
    program = Program(model_of(spec, prepared.tokens.vocabulary, prepared.tokens.pad), ONE, spec["training"])
    trainer = Trainer(spec, spec["training"]["steps"], Devices(program, mesh_of(ONE, jax.devices())))
    trainer.begin()
    directory = RunDirectory(run, 1, ["python", "-m", "switchyard_jax"])
    directory.write({"kind": "attempt", "fromStep": 0, "parameters": trainer.parameter_count, "device": "cpu", "precision": "fp32"})
    ended = Loop(directory, trainer, open_batches(prepared, spec), Resumed(0, 0, 0.0, None), Alerts(), None, ahead=2, alone=True).go(lambda: False)
    directory.end("completed", 0, ended[1], None)
    assert ended == ("completed", "Completed 12 steps.")
    assert history(run) == history(whole)
    assert steps_of(run) == steps_of(whole)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path, text: Path, whole: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(text))
    # A stop that is there before the first step is answered before it; the run then has nothing but its spec.
    (run / "control").mkdir()
    (run / "control/stop.json").write_text("{}")
    train(run)
    assert exit_of(run)["message"] == "Stopped before training began, at step 0 of 12."
    train(run, "--steps", "4", "--orbax")
    # What a start asked for holds for those after it.
    train(run, "--steps", "7")
    assert (run / "checkpoints/step-7/orbax").is_dir()
    train(run, "--steps", "12")
    assert [event["fromStep"] for event in of_kind(run, "attempt")] == [0, 4, 7]
    rows = {(row["kind"], row["step"], row.get("stack"), row.get("layer")): row for row in history(run)}
    for row in history(whole):
        if row["kind"] == "metrics":
            mine = rows["metrics", row["step"], None, None]
            assert mine["tokens"] == row["tokens"]
            for name in ("loss", "totalLoss", "gradientNorm", "learningRate"):
                # The schedule ends with the run, which for inverse square root makes no difference.
                assert mine["values"][name] == row["values"][name], (row["step"], name)
        else:
            assert rows[row["kind"], row["step"], row.get("stack"), row.get("layer")] == row


def test_a_checkpoint_on_request_and_a_stop_by_signal(tmp_path: Path, text: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(text, training={**tiny_spec(text)["training"], "steps": 100_000, "evaluateEvery": 100_000, "checkpoint": {"everySteps": 100_000, "everyMinutes": 1000}}))
    child = start(run)
    try:
        wait_for_step(run, 2, child)
        (run / "control/checkpoint.json").write_text("{}")
        deadline = time.monotonic() + 30
        while (run / "control/checkpoint.json").exists():
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        assert of_kind(run, "checkpoint")[0]["reason"] == "request"
        child.terminate()
        output, _ = child.communicate(timeout=30)
        assert child.returncode == 0, output
    finally:
        end(child)
    last = exit_of(run)
    assert last["reason"] == "stopped" and last["message"] == f"Stopped at step {last['step']} of 100000."
    assert steps_of(run)[-1] == last["step"] == of_kind(run, "metrics")[-1]["step"]


def test_a_killed_run_goes_on_from_its_last_checkpoint_and_sets_a_damaged_one_aside(tmp_path: Path, text: Path, whole: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(text))
    train(run, "--steps", "10")
    # As a kill leaves it: half a line, a checkpoint that is not whole, and a newer one that is damaged.
    with open(run / "events.jsonl", "a") as events:
        events.write('{"v":1,"attempt":1,"se')
    (run / "checkpoints/.step-11.partial").mkdir()
    file = run / "checkpoints/step-10/model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    (run / "exit.json").unlink()
    train(run, "--steps", "12")
    assert of_kind(run, "attempt")[-1]["fromStep"] == 5
    message = [event["message"] for event in of_kind(run, "alert") if event["code"] == "failure"]
    assert message == ["The checkpoint of step 10 is damaged (model.safetensors does not match its checksum) and was set aside as checkpoints/damaged-step-10; going on from step 5."]
    assert [row for row in history(run) if row["step"] > 5] == [row for row in history(whole) if row["step"] > 5]
    for folder in (run / "checkpoints").iterdir():
        for name in ("model.safetensors", "manifest.json"):
            (folder / name).write_bytes(b"no")
    for folder in (run / "checkpoints").iterdir():
        (folder / "manifest.json").write_text(json.dumps({"v": 1, "step": 12, "files": [{"name": "model.safetensors", "bytes": 3, "sha256": "0" * 64}]}))
    train(run, code=5)
    assert exit_of(run)["reason"] == "checkpoint-error"
    assert "model.safetensors has another size than recorded" in exit_of(run)["message"]


def test_parameters_that_are_not_numbers_end_the_run_before_they_spread(tmp_path: Path, text: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(text))
    train(run, "--steps", "6")
    # A part of the file becomes NaN and the manifest agrees, so that only the step can notice.
    file, manifest = run / "checkpoints/step-6/model.safetensors", json.loads((run / "checkpoints/step-6/manifest.json").read_text())
    bytes_ = file.read_bytes()
    damaged = bytes_[:-4000] + b"\0\0\xc0\x7f" * 1000
    file.write_bytes(damaged)
    for entry in manifest["files"]:
        if entry["name"] == file.name:
            entry["sha256"] = hashlib.sha256(damaged).hexdigest()
    (run / "checkpoints/step-6/manifest.json").write_text(json.dumps(manifest))
    train(run, "--steps", "12", code=7)
    last = exit_of(run)
    assert (last["attempt"], last["reason"], last["step"]) == (2, "non-finite", 6)
    assert re.fullmatch(r"The (loss|gradient) became NaN at step 7; parameters were left as they were\. Lower the learning rate and start again\.", last["message"])
    alert = of_kind(run, "alert")[-1]
    assert (alert["code"], alert["step"], alert["level"]) == ("non-finite", 7, "error")
    assert [event for event in of_kind(run, "metrics") if event["attempt"] == 2] == []
    assert steps_of(run) == [5, 6]


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: Path) -> None:
    sparse = {"experts": 4, "balancing": "sinkhorn"}
    run = make_run(tmp_path / "run", tiny_spec(text, model={**tiny_spec(text)["model"], "sparse": sparse}))
    train(run, code=2)
    assert exit_of(run) | {"t": 0} == {"v": 1, "attempt": 1, "reason": "spec-error", "code": 2, "step": 0, "t": 0, "by": "trainer", "detail": None,
        "message": "The spec is wrong at model.sparse.balancing: The JAX trainer balances by the auxiliary loss or not at all; choose one of them, or train on this machine."}
    run = make_run(tmp_path / "large", tiny_spec(text))
    train(run, "--mesh", "16,1,1", code=2)
    assert exit_of(run)["message"].startswith("The spec is wrong at training.batchSize: A batch of 8 can't be split evenly")
    (run / "data.json").unlink()
    train(run, "--mesh", "1,1,1", code=3)
    assert exit_of(run)["reason"] == "data-error"


@pytest.mark.parametrize(("change", "message"), [
    ({"training": {"steps": "ten"}}, "The spec is wrong at training.steps: this must be a number."),
    ({"training": {"step": 10}}, "The spec is wrong at training.step: there is no such field."),
    ({"model": {"tiedEmbeddings": 1}}, "The spec is wrong at model.tiedEmbeddings: this must be true or false."),
    ({"data": []}, "The spec is wrong at data: this must be an object."),
    ({"training": {"optimizer": {"kind": "sgd"}}}, "The spec is wrong at training.optimizer: choose AdamW or Adafactor."),
])
def test_a_spec_that_no_form_has_looked_at_is_refused_at_its_field(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_json(tmp_path / "spec.json", change)
    with pytest.raises(RunFailure) as raised:
        read_spec(tmp_path, None)
    assert (raised.value.reason, str(raised.value)) == ("spec-error", message)


def test_what_is_left_out_of_a_spec_takes_its_default(tmp_path: Path) -> None:
    write_json(tmp_path / "spec.json", {"model": {"sparse": {"experts": 2}}, "training": {"optimizer": {"kind": "adafactor"}}})
    spec = read_spec(tmp_path, None)
    assert (spec["model"]["dModel"], spec["model"]["sparse"]["experts"], spec["model"]["sparse"]["every"], spec["training"]["optimizer"]["decayRate"]) == (256, 2, 2, 0.8)


def test_a_second_trainer_is_refused(tmp_path: Path, text: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(text, training={**tiny_spec(text)["training"], "steps": 100_000}))
    child = start(run)
    try:
        wait_for_step(run, 1, child)
        assert "Another trainer already works in this run directory" in train(run, code=1)
        assert child.poll() is None
    finally:
        end(child)


def test_a_full_disk_ends_the_run_in_a_sentence(tmp_path: Path, text: Path) -> None:
    """Files may not grow beyond 100 kB here, as on a disk that is full: a checkpoint does not fit."""
    run = make_run(tmp_path / "run", tiny_spec(text))
    done = subprocess.run(["prlimit", "--fsize=100000", sys.executable, "-m", "switchyard_jax", str(run)], env={**os.environ, "PYTHONPATH": str(ROOT / "remote")}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 6, done.stdout + done.stderr
    assert exit_of(run)["reason"] == "disk-full"
    assert exit_of(run)["message"].startswith("A file of the run would grow beyond the size that this process may write")
    assert of_kind(run, "alert")[-1]["code"] == "disk"
    assert list((run / "checkpoints").iterdir()) == []


def test_an_old_python_and_a_host_without_jax_are_told_in_a_sentence(tmp_path: Path, text: Path) -> None:
    package = ROOT / "remote/switchyard_jax"
    for name in ("__main__.py", "failure.py", "run/directory.py", "run/__init__.py", "__init__.py"):
        ast.parse((package / name).read_text(), feature_version=(3, 8))
    run = make_run(tmp_path / "run", tiny_spec(text))
    bare = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([bare / "bin/python3", "-m", "switchyard_jax", str(run)], env={**environment, "PYTHONPATH": str(ROOT / "remote")}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 4, done.stderr
    assert re.match(r"JAX and what the trainer needs with it can't be loaded \(No module named '\w+'\); install the packages of requirements.txt into ", exit_of(run)["message"])
