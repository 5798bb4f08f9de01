"""What the agent makes of engines without one: scripts of jobs, Ray's words, and who answers in its place."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading

import pytest
from switchyard_agent.engines import ray, slurm
from switchyard_agent.engines.ray_http import NoAnswer, ask_ray
from switchyard_agent.refusal import Refused


def test_a_batch_script_passes_words_and_variables_on_as_they_are(tmp_path):
    words = ["it's", "two words", "$HOME", "`id`", "a\\nb", ""]
    script = tmp_path / "job.sh"
    script.write_text(slurm.job_script([sys.executable, "-c", "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['GIVEN']]))"] + words, {"GIVEN": "a 'b' $c"}, 20000))
    done = subprocess.run(["sh", script], stdout=subprocess.PIPE, check=True, env={"PATH": os.environ["PATH"]})
    assert json.loads(done.stdout) == [words, "a 'b' $c"]


@pytest.mark.parametrize("message, sentence", [
    ("Job entrypoint command failed with exit code 2, last available logs (truncated to 20,000 chars):\n2026-11-28 22:12:22,893\tINFO job_manager.py:581 -- Runtime env is setting up.\nRunning entrypoint for job x: exec sh job.sh\nsh: 0: cannot open job.sh: Permission denied\n",
     "Job entrypoint command failed with exit code 2: sh: 0: cannot open job.sh: Permission denied"),
    ("Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\nRunning entrypoint for job x: exec sh job.sh\n", "Job entrypoint command failed with exit code 1"),
    ("Failed to start supervisor actor x: 'too many'. Full traceback:\nTraceback (most recent call last):\nValueError: too many\n", "Failed to start supervisor actor x: 'too many'"),
    ("Job supervisor actor failed to start within 900.0 seconds.", "Job supervisor actor failed to start within 900.0 seconds"), ("", ""),
])
def test_a_message_of_ray_is_a_part_of_a_sentence(message, sentence):
    assert ray.told(message) == sentence


def test_a_job_of_ray_begins_once_and_not_where_it_was_called_off(tmp_path):
    (tmp_path / "job.sh").write_text(ray.job_script(str(tmp_path), ["sh", "-c", "echo \"$GIVEN\" $0", "it's"], {"GIVEN": "a 'b' $c"}))
    (tmp_path / ".turn-0000beef").mkdir()
    for turn, code in (("0000abcd", 0), ("0000abcd", 0), ("0000beef", 0)):
        assert subprocess.run(["sh", tmp_path / "job.sh", turn], cwd="/", check=False).returncode == code
    assert (tmp_path / "stdout.log").read_text() == "a 'b' $c it's\n"


class Answers(http.server.BaseHTTPRequestHandler):
    """What stands at an address in place of Ray."""

    def do_GET(self):
        self.server.heard.append(dict(self.headers))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *_):
        pass


@pytest.fixture(name="server")
def make_server():
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.heard, server.status, server.text = [], 200, b"{}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("status, text, said", [
    (404, b"Job x does not exist", None), (404, b"<h1>nothing here</h1>", "does not know jobs as Ray does (status 404)"), (200, b"<h1>welcome</h1>", "does not know jobs as Ray does (status 200)"),
    (200, b"[]", "does not know jobs"), (502, b"bad gateway", "(status 502)"), (401, b"", "wants a token, and there is none on"), (302, b"", "(status 302)"),
])
def test_only_ray_itself_says_that_a_job_does_not_exist(server, tmp_path, monkeypatch, status, text, said):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    server.status, server.text = status, text
    engine = ray.Ray("http://127.0.0.1:%d" % server.server_port)
    if said is None:
        assert engine.now("x")["state"] == "unknown"
    else:
        with pytest.raises(Refused, match=re.escape(said)) as refusal:
            engine.now("x")
        assert refusal.value.code == "later" and engine.problem == str(refusal.value)


def test_a_token_is_found_where_ray_looks_for_it(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("of-home\n")
    (tmp_path / "other").write_text("of-path\n")
    address = "http://127.0.0.1:%d/behind/" % server.server_port
    for name, value in ((None, None), ("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other")), ("RAY_AUTH_TOKEN", "of-variable")):
        if name:
            monkeypatch.setenv(name, value)
        assert ask_ray(address, "GET", "/api/version") == (200, "{}")
    assert [heard["Authorization"] for heard in server.heard] == ["Bearer of-home", "Bearer of-path", "Bearer of-variable"]
    with pytest.raises(NoAnswer, match="^Nothing listens at http://127.0.0.1:9, "):
        ask_ray("http://127.0.0.1:9", "GET", "/api/version")
