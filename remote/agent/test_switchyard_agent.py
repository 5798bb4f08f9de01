"""The agent by itself, as a program on two pipes: what it answers, what it starts and ends, and what it refuses."""

import ast
import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipapp
from pathlib import Path

import pytest
from switchyard_agent.agent import WINDOW, rest_after
from switchyard_agent.frames import MAX_FRAME, FrameReader, frame
from switchyard_agent.processes import boot_id
from switchyard_agent.refusal import Refused
from switchyard_agent.run import Run
from switchyard_agent.settle import settle

FOLDER = Path(__file__).parent
SOURCES = [FOLDER / "__main__.py", *sorted(FOLDER.glob("switchyard_agent/**/*.py"))]
RUN = "01996c00-0000-7000-8000-0000000000%02x"


class Link:
    """A conversation with an agent of its own."""

    def __init__(self, home):
        # One file, as it lies on a host; another version is another file.
        archive = home / "agent.pyz"
        if not archive.exists():
            zipapp.create_archive(FOLDER, archive, filter=lambda path: FOLDER / path in SOURCES)
        self.process = subprocess.Popen([sys.executable, "-u", archive, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader, self.messages, self.number = FrameReader(), [], 0
        self.ask("hello", home=str(home))

    def send(self, **message):
        self.process.stdin.write(frame(message))
        self.process.stdin.flush()

    def next(self):
        while not self.messages:
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            assert data, "the agent has ended"
            self.messages += self.reader.feed(data)
        return self.messages.pop(0)

    def ask(self, verb, **message):
        """The answer; parts are joined."""
        self.number += 1
        self.send(verb=verb, id=self.number, **message)
        parts = []
        while True:
            reply = self.next()
            if reply.get("id") != self.number:
                continue
            if "part" in reply:
                parts += reply["part"]
            elif "error" in reply:
                raise Refused(reply["error"]["message"], reply["error"]["code"])
            else:
                return dict(reply["ok"], parts=parts)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


@pytest.fixture(name="home")
def make_home(tmp_path):
    (tmp_path / "runs").mkdir()
    return tmp_path


@pytest.fixture(name="link")
def make_link(home):
    link = Link(home)
    yield link
    link.close()


def directory_of(home, number, **spec):
    directory = home / "runs" / (RUN % (number % 256) if number < 256 else "01996c00-0000-7000-8000-%012x" % number)
    directory.mkdir()
    (directory / "spec.json").write_text(json.dumps(dict({"name": "run %d" % number}, **spec)))
    (directory / "events.jsonl").write_text('{"v":1}\n')
    (directory / "process.json").write_text(json.dumps({"v": 1, "attempt": 1, "pid": 2 ** 22 - 1, "startTicks": "1", "bootId": boot_id(), "host": os.uname()[1], "argv": [], "startedAt": 1}))
    return directory


def launch(link, home, number=1, key="0" * 32, command="import time; time.sleep(60)", **more):
    return link.ask("launch", **dict({"run": RUN % number, "process": 0, "key": key, "files": {"spec.json": "{}"}, "argv": [sys.executable, "-u", "-c", command], "env": {"GIVEN": "yes"}}, **more))


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_it_parses_on_the_oldest_python_it_is_for():
    for source in SOURCES:
        ast.parse(source.read_text(), str(source), feature_version=(3, 8))


def test_a_frame_is_told_from_noise():
    reader = FrameReader()
    noise = b"Welcome to the machine\n@switchyard1 5 00000000 {\"a\"\n"
    whole = frame({"id": 1, "text": "Größe\n"})
    assert list(reader.feed(noise + b"no newline before it" + whole)) == [{"id": 1, "text": "Größe\n"}]
    assert list(reader.feed(b"x" * (MAX_FRAME + 10) + whole[1:])) == []
    assert list(reader.feed(whole)) == [{"id": 1, "text": "Größe\n"}]


def test_damaged_frames_are_passed_over_in_bounded_memory():
    numbers, reader, taken = random.Random(5), FrameReader(), 0
    until_then = time.monotonic() + 3
    while time.monotonic() < until_then:
        data = bytearray(frame({"id": taken, "nested": [1, {"deep": None}], "text": "x" * numbers.randrange(2000)}))
        for _ in range(numbers.randrange(3)):
            data[numbers.randrange(len(data))] = numbers.randrange(256)
        for message in reader.feed(bytes(data)):
            assert isinstance(message, (dict, list, int, float, str, type(None)))
            taken += 1
        assert len(reader.rest) <= MAX_FRAME
    assert taken > 100


def test_looks_take_a_hundredth_of_a_core_and_never_come_later_than_half_a_second():
    assert [rest_after(took) for took in (0, 0.0005, 0.003, 0.02, 5)] == [0.1, 0.1, pytest.approx(0.3), 0.5, 0.5]


def test_a_thousand_runs_are_listed_within_two_seconds(home, link):
    for number in range(1000):
        directory_of(home, 1000 + number)
    began = time.monotonic()
    answer = link.ask("list")
    assert time.monotonic() - began < 2
    assert len(answer["parts"]) == 1000 and not answer["more"]
    assert answer["parts"][0]["name"] == "run 1999" and answer["parts"][0]["state"] == "gone"
    assert len(link.ask("list", limit=10)["parts"]) == 10


def test_a_run_directory_is_found_wherever_it_lies(home, link):
    directory = directory_of(home, 1)
    deep = home / "projects" / "moe"
    deep.mkdir(parents=True)
    directory.rename(deep / "run-7")
    (home / "projects" / "notes").mkdir()
    assert [one["directory"] for one in link.ask("list", roots=[str(home / "projects")])["parts"]] == [str(deep / "run-7")]
    assert [one["directory"] for one in link.ask("list", roots=[str(deep / "run-7")])["parts"]] == [str(deep / "run-7")]


def test_one_key_starts_one_process_from_any_number_of_connections(home, link):
    others = [Link(home) for _ in range(4)]
    script = "import os, time; print('started', os.getpid(), os.environ['GIVEN'], flush=True); time.sleep(60)"
    for one in [link, *others]:
        one.number += 1
        one.send(verb="launch", id=one.number, run=RUN % 1, process=0, key="a" * 32, files={"spec.json": "{}"}, argv=[sys.executable, "-c", script], env={"GIVEN": "yes"})
    output = home / "runs" / (RUN % 1) / "stdout.log"
    until(lambda: output.exists() and "started" in output.read_text())
    for one in others:
        one.close()
    time.sleep(1)
    assert output.read_text().count("started") == 1
    # It outlives the connection that started it, and another one ends it.
    until(lambda: link.next().get("id") == link.number)
    assert link.ask("status", directory=str(output.parent))["state"] == "alive"
    with pytest.raises(Refused, match="going already"):
        launch(link, home, key="b" * 32)
    assert link.ask("end", directory=str(output.parent), grace=5)["left"] == []
    assert link.ask("status", directory=str(output.parent))["going"] == 0


def test_a_run_is_started_in_the_directory_that_is_named(home, link):
    directory = directory_of(home, 7).rename(home / "an experiment")
    before = sorted(os.listdir(directory))
    started = launch(link, home, number=3, directory=str(directory), files={}, command="import os; print('in', os.getcwd(), flush=True)")
    assert (started["directory"], started["started"]) == (str(directory), True)
    until(lambda: (directory / "stdout.log").exists() and (directory / "stdout.log").read_text() == "in %s\n" % directory)
    assert set(before) < set(os.listdir(directory)) and not (home / "runs" / (RUN % 3)).exists()
    assert json.loads((directory / "launch.json").read_text())["attempt"] == 2
    for nothing in (home / "nowhere", home):
        with pytest.raises(Refused, match="There is no (folder|spec.json)"):
            launch(link, home, number=4, key="1" * 32, directory=str(nothing), files={})
    assert not (home / "launch.json").exists()


def test_a_group_is_ended_whole_and_one_that_does_not_listen_is_killed(home, link):
    deaf = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork() or os.fork(); print('ready', flush=True); time.sleep(60)"
    directory = launch(link, home, command=deaf)["directory"]
    until(lambda: (Path(directory) / "stdout.log").read_text().count("ready") == 3)
    # Its leader may be gone before the rest.
    os.kill(json.loads((Path(directory) / "launch.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: link.ask("status", directory=directory)["going"] == 2)
    began = time.monotonic()
    assert link.ask("end", directory=directory, grace=1)["left"] == []
    assert time.monotonic() - began < 8


def test_a_process_that_got_the_number_of_a_trainer_is_not_ended(home, link):
    directory = directory_of(home, 1)
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        record = json.loads((directory / "process.json").read_text())
        (directory / "process.json").write_text(json.dumps(dict(record, pid=stranger.pid, startTicks="12")))
        assert link.ask("status", directory=str(directory))["state"] == "gone"
        assert link.ask("end", directory=str(directory), grace=1)["left"] == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_trainer_that_can_not_be_started_is_settled_with_the_reason(home, link):
    directory = launch(link, home, argv=["no-such-program"])["directory"]
    link.ask("watch", watch=9, directory=directory, offset=0, marks=[])
    until(lambda: (Path(directory) / "exit.json").exists())
    end = json.loads((Path(directory) / "exit.json").read_text())
    assert (end["by"], end["reason"]) == ("agent", "crashed")
    assert end["message"] == "The trainer did not start. Its last words: Error: no-such-program can't be started: No such file or directory."


def test_an_end_that_is_there_is_never_written_again(home):
    directory = directory_of(home, 1)
    said = json.dumps({"v": 1, "attempt": 1, "reason": "completed", "code": 0, "step": 5, "t": 1, "message": "Done.", "by": "trainer"})
    (directory / "exit.json").write_text(said)
    assert settle(Run(str(directory)))["by"] == "trainer"
    assert (directory / "exit.json").read_text() == said


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "link/secret", "checkpoints/../../x"])
def test_only_what_lies_in_a_run_is_read(home, link, name):
    directory = directory_of(home, 1)
    (home / "secret").write_text("secret")
    (directory / "link").symlink_to(home)
    with pytest.raises(Refused, match="does not lie in"):
        link.ask("read", directory=str(directory), name=name, offset=0)


@pytest.mark.parametrize("request_", [
    {"verb": "launch", "run": "../evil", "key": "0" * 32, "files": {}, "argv": ["true"]}, {"verb": "launch", "run": RUN % 1, "key": "../x", "files": {}, "argv": ["true"]},
    {"verb": "launch", "run": RUN % 1, "key": "0" * 32, "files": {"spec.json": "{}", "../evil": ""}, "argv": ["true"]}, {"verb": "folder", "kind": "code", "name": "../evil", "files": []},
    {"verb": "folder", "kind": "code", "name": "x", "files": [{"name": "a/../../b", "sha256": "0" * 64}]}, {"verb": "have", "files": ["../../x"]}, {"verb": "put", "sha256": "x", "offset": 0, "data": ""},
    {"verb": "run_of", "directory": "/"}, {"verb": "__init__"}, {"verb": "ask", "directory": "/tmp", "control": "../x"}, {"verb": None},
])
def test_what_is_no_request_is_refused_and_leaves_nothing(home, link, request_):
    with pytest.raises(Refused):
        link.ask(request_.pop("verb"), **request_)
    assert not (home / "evil").exists() and not (home.parent / "evil").exists()
    assert link.ask("ping") is not None


def test_logs_of_other_trainers_are_found_and_read_on(home, link):
    logs = home / "logs" / "eval"
    logs.mkdir(parents=True)
    (logs / "events.out.tfevents.5.host").write_bytes(b"0123456789")
    (home / "logs" / "metrics.jsonl").write_text('{"step":1}\n')
    directory_of(home, 1)
    found = {one["path"]: one for one in link.ask("find", root=str(home))["logs"]}
    assert sorted(found) == [str(logs), str(home / "logs" / "metrics.jsonl")]
    assert (found[str(logs)]["format"], found[str(logs)]["files"]) == ("tensorboard", [["events.out.tfevents.5.host", 10]])
    path = str(logs / "events.out.tfevents.5.host")
    mark = [[0, 4, hashlib.sha256(b"0123").hexdigest()]]
    assert base64.b64decode(link.ask("tail", path=path, offset=4, marks=mark)["data"]) == b"456789"
    (logs / "events.out.tfevents.5.host").write_bytes(b"another one")
    answer = link.ask("tail", path=path, offset=4, marks=mark)
    assert (answer["same"], base64.b64decode(answer["data"])) == (False, b"another one")


def test_files_are_kept_by_their_content_and_go_on_where_they_were_cut(home, link):
    data = os.urandom(500_000)
    sha = hashlib.sha256(data).hexdigest()
    send = lambda one, offset, piece: one.ask("put", sha256=sha, offset=offset, data=base64.b64encode(piece).decode())
    send(link, 0, data[:200_000])
    other = Link(home)
    assert other.ask("have", files=[sha])["files"] == {sha: 200_000}
    with pytest.raises(Refused, match="cut off"):
        send(other, 300_000, data[300_000:])
    send(other, 200_000, data[200_000:])
    other.ask("seal", sha256=sha)
    assert other.ask("have", files=[sha])["files"] == {sha: -1}
    folder = other.ask("folder", kind="data", name="prepared-1", files=[{"name": "deep/tokens.bin", "sha256": sha}])["directory"]
    assert (Path(folder) / "deep/tokens.bin").read_bytes() == data
    wrong = "0" * 64
    other.ask("put", sha256=wrong, offset=0, data=base64.b64encode(b"x").decode())
    with pytest.raises(Refused, match="not what was sent"):
        other.ask("seal", sha256=wrong)
    other.close()


def test_events_wait_for_room_and_other_requests_do_not(home, link):
    directory = directory_of(home, 1)
    (directory / "events.jsonl").write_bytes(b"x" * (10 << 20))
    link.ask("watch", watch=9, directory=str(directory), offset=0, marks=[])
    got = 0
    while got < WINDOW:
        push = link.next()
        if "events" in push:
            assert push["events"]["offset"] == got
            got += len(base64.b64decode(push["events"]["data"]))
    began = time.monotonic()
    answer = link.ask("list")
    assert time.monotonic() - began < 1 and len(answer["parts"]) == 1
    assert got == WINDOW
    link.send(verb="ack", bytes=WINDOW)
    while got < 2 * WINDOW:
        push = link.next()
        if "events" in push:
            got += len(base64.b64decode(push["events"]["data"]))
