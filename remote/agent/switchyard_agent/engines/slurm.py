"""Runs as jobs of Slurm, through its own programs."""

import os
import re
import shlex
import shutil
import socket
import subprocess

from ..disk import write_whole
from ..refusal import Refused
from .engine import GONE_SECONDS, UNKNOWN, Engine

# Where its programs are looked for beside PATH, which clusters often set for interactive logins alone.
FOLDERS = "/opt/slurm/bin:/usr/local/slurm/bin:/usr/local/bin:/usr/bin"


def slurm(program, *words, later=True, **more):
    """What a program of Slurm prints. What it refuses is said with its own last line."""
    path = shutil.which(program) or shutil.which(program, path=FOLDERS)
    if path is None:
        raise Refused("%s is not on the PATH of a login to %s, so nothing can be asked of Slurm there." % (program, socket.gethostname()))
    try:
        # A lock that is handed on is held until the program has ended, even where the agent ends before it.
        done = subprocess.run([path] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False, **more)
    except subprocess.TimeoutExpired:
        raise Refused("%s on %s did not answer within 60 s." % (program, socket.gethostname()), "later")
    if done.returncode != 0:
        said = [re.sub(r"^\w+: (error: )?", "", line) for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise Refused("%s on %s said: %s" % (program, socket.gethostname(), said[-1][:300] if said else "nothing, and ended with code %d." % done.returncode), "later" if later else "refused")
    return done.stdout.decode("utf-8", "replace")


def accounts(*words):
    """First word that Slurm's accounts answer with; None where they know nothing, or none are kept."""
    try:
        said = slurm("sacct", "--noheader", "--parsable2", "--allocations", *words).split()
    except Refused as refusal:
        if refusal.code == "later" and "disabled" not in str(refusal):
            raise
        return None
    return said[0] if said else None


def job_script(argv, environment, port):
    """A batch script of a run: the trainer, in place of the shell, or as many of it as the job has tasks."""
    words = " ".join(shlex.quote(word) for word in argv)
    return "\n".join(["#!/bin/sh"] + ["export %s=%s" % (name, shlex.quote(value)) for name, value in sorted(environment.items())] + [
        'if [ "${SLURM_NTASKS:-${SLURM_JOB_NUM_NODES:-1}}" -gt 1 ]; then',
        '  first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "  exec srun --kill-on-bad-exit=1 sh -c 'coordinator=$1; shift; exec \"$@\" --coordinator \"$coordinator\" --processes \"$SLURM_NTASKS\" --process \"$SLURM_PROCID\"' sh \"$first:%d\" %s" % (port, words),
        "fi", "exec %s" % words, ""])


class Slurm(Engine):
    """The controller forgets an ended job after minutes; then Slurm's accounts know it, where a cluster keeps them."""

    kind, title = "slurm", "Slurm"
    ENDS = {
        "BOOT_FAIL": "could not begin, since its node did not boot", "CANCELLED": "was cancelled", "COMPLETED": "is over", "DEADLINE": "was not done by its deadline", "FAILED": "failed",
        "NODE_FAIL": "lost its node", "OUT_OF_MEMORY": "ran out of memory", "PREEMPTED": "had to make room for another job", "REVOKED": "was revoked", "TIMEOUT": "reached its time limit",
    }
    OWN_ENDS, CANCELLED = ("COMPLETED", "FAILED"), "CANCELLED"
    EXPLAINED = ("COMPLETED", "FAILED", "OUT_OF_MEMORY")

    def states(self, jobs):
        listed = {}
        for line in slurm("squeue", "--noheader", "--states=all", "--user=%d" % os.getuid(), "--format=%i|%T|%j|%r").splitlines():
            fields = line.strip().split("|", 3)
            if len(fields) == 4:
                listed[fields[0]] = {"state": fields[1], "name": fields[2], "reason": fields[3] if fields[3] != "None" else ""}
        for job in jobs:
            if job not in listed:
                # "CANCELLED by 1000" begins with the state.
                listed[job] = {"state": accounts("--jobs=" + job, "--format=State") or UNKNOWN, "reason": ""}
        return listed

    def named(self, name):
        self.ask()
        for job, facts in self.known.items():
            if facts.get("name") == name:
                return job
        return accounts("--starttime=now-30days", "--name=" + name, "--format=JobID")

    def hand_over(self, run, request, name, lock):
        wish = request["engine"]
        write_whole(run.path("job.sh"), job_script(request["argv"], request.get("env", {}), int(request["port"])))
        words = ["--parsable", "--no-requeue", "--open-mode=append", "--job-name=" + name, "--chdir=" + run.directory, "--output=" + run.path("stdout.log").replace("%", "%%")]
        words += ["--partition=" + wish["partition"]] if wish.get("partition") else []
        try:
            return slurm("sbatch", *words, *wish.get("options", []), run.path("job.sh"), later=False, pass_fds=(lock.descriptor,)).strip().split(";")[0]
        except Refused as refusal:
            # An answer may be lost between sbatch and its controller as well.
            if re.search("timed out|within 60 s|contact|connect", str(refusal), re.I):
                raise Refused(str(refusal), "later")
            raise

    def call_off(self, run, job):
        slurm("scancel", "--state=PENDING", job)

    def endings(self, job, grace):
        return [(lambda: slurm("scancel", "--signal=TERM", "--full", job), grace), (lambda: slurm("scancel", job), GONE_SECONDS)]
