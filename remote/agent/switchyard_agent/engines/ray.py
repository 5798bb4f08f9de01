"""Runs as jobs of Ray, through the REST API of its job server."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys

from ..disk import write_whole
from ..refusal import Refused
from .engine import UNKNOWN, WAITING, Engine
from .ray_http import NoAnswer, ask_ray

# Ray waits this long between SIGTERM and SIGKILL where the job says so; of itself 3 s, in which nothing is saved.
STOP_SECONDS = 60


def job_script(directory, argv, environment):
    """What a job runs, with the end of its name: the trainer in place of the shell, unless the job was called off while it waited."""
    return "\n".join(["#!/bin/sh", "umask 077", "cd %s || exit 1" % shlex.quote(directory), "exec >>stdout.log 2>&1 || exit 1",
                      # Whoever makes this folder has decided: see call_off.
                      'mkdir ".turn-$1" 2>/dev/null || { [ -d ".turn-$1" ] && exit 0; echo "Error: nothing can be written to the run\'s folder."; exit 1; }',
                      ] + ["export %s=%s" % (name, shlex.quote(value)) for name, value in sorted(environment.items())] + ["exec " + " ".join(shlex.quote(word) for word in argv), ""])


def told(message):
    """Ray's message on a job as part of a sentence: without tracebacks, and of the log only its last line."""
    text, _, log = message.partition(", last available logs")
    lines = [line.strip() for line in log.splitlines()[1:] if line.strip() and not re.match(r"Running entrypoint for job|\d{4}-\d\d-\d\d \S+\s+INFO", line)]
    return (re.split(r"[.:]? Full traceback|\n", text.strip())[0] + (": " + lines[-1] if lines else "")).rstrip(" .")[:500]


def last_line(text):
    """What a traceback says at its end."""
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) > 1]
    return lines[-1][:300] if lines else "nothing"


class Ray(Engine):
    """One of them for each address. Ray asks for a job by its name, and keeps it until the cluster ends."""

    kind, title = "ray", "Ray"
    ENDS = {"FAILED": "failed", "STOPPED": "was stopped", "SUCCEEDED": "is over"}
    OWN_ENDS, CANCELLED = ("SUCCEEDED", "FAILED"), "STOPPED"
    EXPLAINED = OWN_ENDS

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.noted = {"address": address}

    def answer(self, method, path):
        try:
            return ask_ray(self.address, method, path)
        except NoAnswer as reason:
            raise Refused(str(reason), "later")

    def facts(self, job):
        """{"state", "reason"} of a job, with what Ray says of it."""
        status, text = self.answer("GET", "/api/jobs/" + job)
        if status == 404 and "does not exist" in text:
            return {"state": UNKNOWN, "reason": ""}
        try:
            found = json.loads(text)
            message = told(str(found.get("message") or ""))
            return {"state": str(found["status"]), "reason": re.sub(r"^Job has not started yet\. ", "", message), "told": message if found["status"] == "FAILED" else ""}
        except (ValueError, KeyError, AttributeError):
            raise Refused("What answers at %s does not know jobs as Ray does (status %d)." % (self.address, status), "later")

    def states(self, jobs):
        return {job: self.facts(job) for job in jobs}

    def named(self, name):
        return None if self.facts(name)["state"] == UNKNOWN else name

    def hand_over(self, run, request, name, lock):
        wish = request["engine"]
        write_whole(run.path("job.sh"), job_script(run.directory, request["argv"], request.get("env", {})))
        body = {"submission_id": name, "entrypoint": "exec sh %s %s" % (shlex.quote(run.path("job.sh")), turn_of(name)), "runtime_env": {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}},
                "metadata": {"switchyard_run": os.path.basename(run.directory)}}
        for field, value in (("entrypoint_num_cpus", wish.get("cpus")), ("entrypoint_num_gpus", wish.get("gpus")), ("entrypoint_resources", wish.get("resources"))):
            if value:
                body[field] = value
        # Of a request that is cut off Ray may keep a job that waits for ever, so it is made by a process that outlives this one, and holds the lock.
        done = subprocess.run([sys.executable, request["file"], "submit-ray", self.address], input=json.dumps(body).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, start_new_session=True, pass_fds=(lock.descriptor,))
        try:
            answer = json.loads(done.stdout.decode())
        except ValueError:
            raise Refused("Ray could not be asked on %s: %s." % (socket.gethostname(), last_line(done.stderr.decode("utf-8", "replace"))), "later")
        status, text = answer.get("status"), answer.get("text", "")
        if status is None:
            raise Refused(answer["problem"], "later")
        if status == 200 or "submission_id %s already exists" % name in text:
            return name
        # Ray's own refusal of what was asked comes as one of its parts to another.
        refused = status in (400, 404, 405) or "failed with status code 400" in text
        raise Refused("Ray at %s said: %s" % (self.address, last_line(text)), "refused" if refused else "later")

    def call_off(self, run, job):
        # Ray ends a job that waits only once its turn has come. What decides is a folder that either the job's script or this makes: a job that
        # was called off then does nothing.
        try:
            os.mkdir(run.path(".turn-" + turn_of(job)), 0o700)
        except FileExistsError:
            # Where it waits even now, this was done before, by an agent that got no further.
            if self.now(job)["state"] != WAITING:
                return
        with run.lock():
            launch = run.launch()
            launch[self.kind]["calledOff"] = True
            write_whole(run.path("launch.json"), json.dumps(launch, indent=2))
        self.stop(job)

    def endings(self, job, grace):
        # Ray itself begins with SIGTERM and ends with SIGKILL.
        return [(lambda: self.stop(job), STOP_SECONDS + 15.0)]

    def stop(self, job):
        self.answer("POST", "/api/jobs/%s/stop" % job)


def turn_of(name):
    """The end of a job's name: the beginning of its start's key."""
    return name.rpartition("-")[2]


def submit(address):
    """Hands over the job that standard input describes, and prints what came of it."""
    try:
        status, text = ask_ray(address, "POST", "/api/jobs/", json.load(sys.stdin), seconds=120)
        answer = {"status": status, "text": text[-4000:]}
    except NoAnswer as reason:
        answer = {"status": None, "problem": str(reason)}
    print(json.dumps(answer))
