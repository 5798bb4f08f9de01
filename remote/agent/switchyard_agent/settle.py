"""The end of a run whose process is provably gone and left none."""

import json
import re
import socket
import time

from .disk import read_json, write_whole


def settle(run):
    """Writes exit.json where it is missing; returns it. Nobody's end is written twice."""
    with run.lock():
        state, found = run.state(), run.exit()
        if found or state not in ("gone", "rebooted") or run.process != 0:
            return found
        writer = run.writer()
        started = writer is not None and int(writer.get("attempt", 1)) >= run.attempt()
        said, detail = run.last_words()
        words = " Its last words: %s" % said if said else ""
        step = int((read_json(run.path("heartbeat.json")) or {}).get("step", 0))
        if run.handed():
            reason, code, message = end_of_job(run, started, words)
        elif state == "rebooted":
            reason, code, message = "killed", 137, "%s was restarted while the run was going." % socket.gethostname()
        elif not started:
            reason, code, message = "crashed", 1, "The trainer did not start.%s" % words
        else:
            crashed = re.search("error|exception|abort|fatal|segmentation|assert|terminate", said, re.I)
            reason, code, message = "crashed" if crashed else "killed", 137, "The trainer's process is gone and gave no reason; it was killed or crashed.%s" % words
        if step > 0:
            message += " It had finished step %d; resume continues from its last checkpoint." % step
        end = {"v": 1, "attempt": run.attempt(), "reason": reason, "code": code, "step": step, "t": time.time(), "message": message[:4000], "detail": detail, "by": "agent"}
        try:
            write_whole(run.path("exit.json"), json.dumps(end))
        except OSError:
            pass  # Somebody else's folder, or a full disk: the end is told all the same.
        return end


def end_of_job(run, started, words):
    """Reason, code and message of a job that its engine ended, or saw end, with the engine's own word."""
    (engine, _), facts = run.handed(), run.job_facts()
    word, name = facts["state"], "%s job %s" % (engine.title, facts["job"])
    if word == engine.CANCELLED and not started and "stop" in run.control():
        return "stopped", 0, "Stopped while it waited for its turn: %s %s." % (name, engine.ENDS[word])
    how = "%s (%s)" % (engine.ENDS[word], word) if word in engine.ENDS else "is no longer known to %s" % engine.title
    told = ": %s" % facts["told"] if facts.get("told") else ""
    begun = "" if started else ", and the trainer did not begin" if word == engine.OWN_ENDS[0] else " before the trainer began"
    return "crashed" if word in engine.OWN_ENDS else "killed", 137, "%s %s%s%s.%s" % (name, how, begun, told, words if word in engine.EXPLAINED else "")
