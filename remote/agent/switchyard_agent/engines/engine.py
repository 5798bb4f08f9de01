"""What engines share, which are what a host hands its runs to: one start is one job, however often it is sent; it is asked now and then, for all runs
together; and a job's end is verified."""

import json
import os
import socket
import threading
import time

from ..disk import write_whole
from ..refusal import Refused

# An engine serves a whole cluster: it is asked this often, once for all runs.
ASKED_SECONDS = 5.0
WAITING = "PENDING"
# An engine answers that it knows no such job.
UNKNOWN = "unknown"
# A job that was cancelled, or killed, is looked at for this long.
GONE_SECONDS = 45.0


class Engine:
    # The word in requests and records, and the name for a person.
    kind, title = "", ""
    # States in which a job has come to its end, in words; every other state is on the way to one of them.
    ENDS = {}
    # Those of a job that ended by itself, the good one first, and that of one that somebody ended.
    OWN_ENDS, CANCELLED = (), ""
    # Those of which the last words of the trainer say more.
    EXPLAINED = ()

    # What launch.json notes of it beside the job.
    noted = {}

    def __init__(self):
        self.asking, self.lock = threading.Lock(), threading.Lock()
        self.wanted, self.known, self.at, self.begun, self.problem = {}, {}, None, False, None

    # What each engine does in its own way. Where it doesn't answer, it refuses with "later".

    def states(self, jobs):
        """Facts of the jobs, by their ids: {"state", "reason"}, and what it "told" of a failure; the state UNKNOWN where it knows no such job. May tell of others, too."""
        raise NotImplementedError

    def named(self, name):
        """Id of the job of this name; None where there is none."""
        raise NotImplementedError

    def hand_over(self, run, request, name, lock):
        """Makes the job of this name, and returns its id. What is refused for good is refused with another word than "later"."""
        raise NotImplementedError

    def call_off(self, run, job):
        """Ends a job that waits, or notes it as called off where it can do nothing any more. One that begins at this moment is left to read what it is asked."""
        raise NotImplementedError

    def endings(self, job, grace):
        """Ways to end a job that goes, from mild to hard: each with the seconds that it is given."""
        raise NotImplementedError

    # Asking.

    def over(self, facts):
        return facts["state"] in self.ENDS or facts["state"] == UNKNOWN

    def ask(self):
        """Asks now, and waits for the answer."""
        with self.asking:
            began = time.monotonic()
            try:
                # One that came up while it is asked may be too new for its answer.
                self.known.update(self.states([job for job, since in list(self.wanted.items()) if since < began and self.known.get(job, {}).get("state") not in self.ENDS]))
                self.problem = None
            except Refused as refusal:
                self.problem = str(refusal)
                raise
            finally:
                self.at = time.monotonic()

    def look(self, job):
        """What is known of a job without waiting; None where the engine has not told yet."""
        self.wanted.setdefault(job, time.monotonic())
        with self.lock:
            if not self.begun and (self.at is None or time.monotonic() - self.at > ASKED_SECONDS):
                self.begun = True
                threading.Thread(target=self.ask_aside, daemon=True).start()
        return self.known.get(job)

    def ask_aside(self):
        try:
            self.ask()
        except Refused:
            pass  # Kept as the problem that it is.
        finally:
            self.begun = False

    def now(self, job):
        """How a job does by what the engine answers now."""
        self.wanted.setdefault(job, time.monotonic())
        self.ask()
        return self.known.get(job, {"state": UNKNOWN, "reason": ""})

    # Handing over.

    def submit(self, run, request):
        """Hands a run over, once for each key: the job's name holds the key, and the folder's lock is held until the engine has answered. Returns whether it did it now."""
        key = request["key"]
        name = "switchyard-%s-%s" % (os.path.basename(run.directory), key[:8])
        with run.lock() as lock:
            before = run.launch() or {}
            record, job = before, None
            if key in before.get("keys", []):
                # Recorded, and what came of it perhaps not.
                if self.kind not in before or before[self.kind]["job"]:
                    return False
                job = self.named(name)
            else:
                if run.state(fresh=True) == "alive":
                    raise Refused("%s job %s of this run is there already." % (self.title, run.job()), "going")
                run.make_way()
                record = {"v": 1, "attempt": run.next_attempt(), "keys": (before.get("keys", []) + [key])[-20:], "argv": request["argv"], "agent": request["agent"], "host": socket.gethostname(), "startedAt": time.time(),
                          self.kind: dict(self.noted, name=name, job=None)}
                write_whole(run.path("launch.json"), json.dumps(record, indent=2))
            if job is None:
                try:
                    job = self.hand_over(run, request, name, lock)
                except Refused as refusal:
                    if refusal.code != "later":
                        if before:
                            write_whole(run.path("launch.json"), json.dumps(before, indent=2))
                        else:
                            os.remove(run.path("launch.json"))
                    raise
            record[self.kind]["job"] = job
            write_whole(run.path("launch.json"), json.dumps(record, indent=2))
        self.now(job)
        return True

    # Ending.

    def end(self, run, grace):
        """Ends a run's job: asked, given time to save, then by force. Returns its state where it is still there."""
        job = run.job()
        if job is None:
            return None
        waits = run.job_facts(fresh=True)["state"] == WAITING
        for step, seconds in ([(lambda: self.call_off(run, job), 10.0)] if waits else []) + self.endings(job, grace):
            if self.over(run.job_facts(fresh=True)):
                return None
            try:
                step()
            except Refused:
                pass  # It may have ended meanwhile; whether it has is asked below.
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not self.over(run.job_facts(fresh=True)):
                time.sleep(1)
        facts = run.job_facts(fresh=True)
        return None if self.over(facts) else facts["state"]
