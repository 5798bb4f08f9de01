"""Switchyard's agent on a remote machine: one file, Python 3.8 or newer, nothing else. It runs for as long as the connection that started it.

It is asked over standard input and answers on standard output, in frames: "@switchyard1 LENGTH CRC32 JSON", one a line, so that a login banner or
a stray print is never taken for an answer. What it starts is detached and outlives it; what it knows, it reads from run directories
(docs/run-directory.md), so any version of it can go on where another stopped.

    python3 switchyard_agent.py serve                       answers requests until its input ends
    python3 switchyard_agent.py start REQUEST_FILE          becomes the trainer that a request describes
"""

import base64
import collections
import errno
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import zlib

PROTOCOL = 1
MARK = b"@switchyard1 "
MAX_FRAME = 1 << 20
# Bytes of a file in one frame: with base64 well below MAX_FRAME, and divisible by 3.
CHUNK = 196608
# Bytes of events that may be on their way: what is beyond waits in the file, so a slow reader holds up nothing else.
WINDOW = 4 << 20
# Largest of the small files of a run that is read.
MAX_SMALL = 512 * 1024
OUTPUT_TAIL = 64 * 1024
POLL_SECONDS = 0.1
# Looking at processes and folders costs more than looking at a file.
SLOW_POLL_SECONDS = 1.0
# A connection that says nothing for this long is over, whatever the network believes.
SILENCE_SECONDS = 120
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
SHA = re.compile(r"^[0-9a-f]{64}$")
EVENT_FILE = r"(^|\.)tfevents\."
TEXT_LOG = r"\.(jsonl|csv)$|^metrics.*\.(txt|json)$"
NAME = re.compile(r"^[A-Za-z0-9._-]{1,128}$")


class Refused(Exception):
    """A request that can't be done: a sentence for the person, and a word for the program."""

    def __init__(self, message, code="refused"):
        super().__init__(message)
        self.code = code


# ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def frame(value):
    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    # It begins on a line of its own, whatever was printed before it.
    return b"\n%s%d %08x %s\n" % (MARK, len(text), zlib.crc32(text), text)


def parse_frame(line):
    """The value of a line, or None where it is no whole frame."""
    if not line.startswith(MARK):
        return None
    parts = line[len(MARK):].split(b" ", 2)
    if len(parts) != 3 or not parts[0].isdigit() or int(parts[0]) != len(parts[2]):
        return None
    try:
        return json.loads(parts[2].decode("ascii")) if int(parts[1], 16) == zlib.crc32(parts[2]) else None
    except ValueError:
        return None


class FrameReader:
    """Takes frames out of a stream. Lines that are none, or too long, are passed over."""

    def __init__(self):
        self.rest, self.skipping = b"", False

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if self.skipping:
                self.skipping = False
            else:
                value = parse_frame(line)
                if value is not None:
                    yield value
        if len(self.rest) > MAX_FRAME:
            self.rest, self.skipping = b"", True


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def home_folder(chosen=None):
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    data = os.environ.get("XDG_DATA_HOME") or ""
    return os.path.join(data if os.path.isabs(data) else os.path.expanduser("~/.local/share"), "switchyard")


def make_folder(path):
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def flush_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path, text):
    """Replaces a file, so that a reader sees the old or the new one, also after a power cut."""
    aside = "%s.%d.%d.tmp" % (path, os.getpid(), threading.get_ident())
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path)
    flush_folder(os.path.dirname(path))


def read_small(path):
    """Text of a small file; None where it is not there, is no plain file or is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_SMALL:
            return None
        return file.read(MAX_SMALL).decode("utf-8", "replace")


def read_json(path):
    try:
        value = json.loads(read_small(path) or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def inside(folder, name):
    """A path below a folder; a link that leads out of it is refused."""
    path = os.path.realpath(os.path.join(folder, name))
    if not path.startswith(os.path.realpath(folder) + os.sep):
        raise Refused("%s does not lie in %s." % (name, folder))
    return path


# ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def process_fields(pid):
    """Fields of /proc/PID/stat from the third on; None where no such process runs. A zombie does not run."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            # The command's name, in brackets, may hold anything.
            fields = file.read().decode("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def start_ticks(pid):
    fields = process_fields(pid)
    return fields[19] if fields else None


def state_of(record):
    """alive, gone, rebooted, or elsewhere: on another machine that shares this disk, of which nothing is known here."""
    try:
        if record["bootId"] != boot_id():
            return "rebooted" if record["host"] == socket.gethostname() else "elsewhere"
        return "alive" if start_ticks(int(record["pid"])) == record["startTicks"] else "gone"
    except (KeyError, TypeError, ValueError):
        return "gone"


def own_record(**more):
    return dict({"pid": os.getpid(), "startTicks": start_ticks(os.getpid()), "bootId": boot_id(), "host": socket.gethostname()}, **more)


def own_address():
    """By which other machines of the same network reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))  # Nothing is sent: only the way there is looked up.
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def members(record):
    """Processes of the group that a run's process leads, those left behind by a leader that is gone included."""
    if record.get("bootId") != boot_id():
        return []
    leader = int(record["pid"])
    now = start_ticks(leader)
    if now is not None and now != record["startTicks"]:
        return []  # The number belongs to somebody else now, and so does the group.
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = process_fields(int(name))
            if fields and (int(fields[2]) == leader or int(name) == leader):
                found.append(int(name))
    return found


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read(400).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def lingers():
    """Whether processes of the person's own systemd go on after the last logout."""
    try:
        import pwd
        user = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return False
    runtime = os.environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % os.getuid()
    return os.path.exists("/var/lib/systemd/linger/" + user) and os.path.exists(runtime + "/systemd/private") and shutil.which("systemd-run") is not None


# ── Slurm ───────────────────────────────────────────────────────────────────────────────────────────────────────────

# Where its programs are looked for beside PATH, which clusters often set for interactive logins alone.
SLURM_FOLDERS = "/opt/slurm/bin:/usr/local/slurm/bin:/usr/local/bin:/usr/bin"
# A controller serves a whole cluster: it is asked this often, once for all runs.
SLURM_SECONDS = 5.0
# States in which a job has come to its end, in words; every other state is on the way to one of them.
SLURM_ENDS = {
    "BOOT_FAIL": "could not begin, since its node did not boot", "CANCELLED": "was cancelled", "COMPLETED": "is over", "DEADLINE": "was not done by its deadline", "FAILED": "failed",
    "NODE_FAIL": "lost its node", "OUT_OF_MEMORY": "ran out of memory", "PREEMPTED": "had to make room for another job", "REVOKED": "was revoked", "TIMEOUT": "reached its time limit",
}
SLURM_UNKNOWN = {"state": "unknown", "reason": ""}


def slurm(program, *words, later=True, **more):
    """What a program of Slurm prints. What it refuses is said with its own last line."""
    path = shutil.which(program) or shutil.which(program, path=SLURM_FOLDERS)
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


class SlurmJobs:
    """The person's jobs. The controller forgets an ended job after minutes; then Slurm's accounts know it, where a cluster keeps them."""

    def __init__(self):
        self.asking, self.lock = threading.Lock(), threading.Lock()
        self.listed, self.at, self.begun, self.problem = {}, None, False, None
        self.wanted, self.ended = {}, {}

    def ask(self):
        """Asks Slurm now, and waits for its answer."""
        with self.asking:
            began = time.monotonic()
            listed = {}
            try:
                for line in slurm("squeue", "--noheader", "--states=all", "--user=%d" % os.getuid(), "--format=%i|%T|%j|%r").splitlines():
                    fields = line.strip().split("|", 3)
                    if len(fields) == 4:
                        listed[fields[0]] = {"state": fields[1], "name": fields[2], "reason": fields[3] if fields[3] != "None" else ""}
                # One that came up while Slurm was asked may be too new for its list.
                for job, since in list(self.wanted.items()):
                    if job not in listed and since < began and job not in self.ended:
                        self.ended[job] = self.account(job)
                self.problem = None
            except Refused as refusal:
                self.at, self.problem = time.monotonic(), str(refusal)
                raise
            self.listed, self.at = listed, time.monotonic()

    def accounts(self, *words):
        """First word that Slurm's accounts answer with; None where they know nothing, or none are kept."""
        try:
            said = slurm("sacct", "--noheader", "--parsable2", "--allocations", *words).split()
        except Refused as refusal:
            if refusal.code == "later" and "disabled" not in str(refusal):
                raise
            return None
        return said[0] if said else None

    def account(self, job):
        # "CANCELLED by 1000"
        state = self.accounts("--jobs=" + job, "--format=State")
        return {"state": state, "reason": ""} if state else SLURM_UNKNOWN

    def look(self, job):
        """What is known of a job without waiting; None where Slurm has not told yet."""
        self.wanted.setdefault(job, time.monotonic())
        with self.lock:
            if not self.begun and (self.at is None or time.monotonic() - self.at > SLURM_SECONDS):
                self.begun = True
                threading.Thread(target=self.ask_aside, daemon=True).start()
        return self.listed.get(job) or self.ended.get(job)

    def ask_aside(self):
        try:
            self.ask()
        except Refused:
            pass  # Kept as the problem that it is.
        finally:
            self.begun = False

    def now(self, job):
        """How a job does by what Slurm answers now."""
        self.wanted.setdefault(job, time.monotonic())
        self.ask()
        return self.listed.get(job) or self.ended.get(job) or SLURM_UNKNOWN

    def named(self, name):
        """Number of the job of this name; None where there is none."""
        self.ask()
        for job, facts in self.listed.items():
            if facts["name"] == name:
                return job
        return self.accounts("--starttime=now-30days", "--name=" + name, "--format=JobID")


JOBS = SlurmJobs()


def job_script(argv, environment, port):
    """A batch script of a run: the trainer, in place of the shell, or as many of it as the job has tasks."""
    words = " ".join(shlex.quote(word) for word in argv)
    return "\n".join(["#!/bin/sh"] + ["export %s=%s" % (name, shlex.quote(value)) for name, value in sorted(environment.items())] + [
        'if [ "${SLURM_NTASKS:-${SLURM_JOB_NUM_NODES:-1}}" -gt 1 ]; then',
        '  first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        "  exec srun --kill-on-bad-exit=1 sh -c 'coordinator=$1; shift; exec \"$@\" --coordinator \"$coordinator\" --processes \"$SLURM_NTASKS\" --process \"$SLURM_PROCID\"' sh \"$first:%d\" %s" % (port, words),
        "fi", "exec %s" % words, ""])


def submit(run, request):
    """Hands a run to Slurm, once for each key however often it is sent: the job's name holds the key, and the folder's lock is held until sbatch has ended. Returns whether it did it now."""
    key, wish = request["key"], request["slurm"]
    name = "switchyard-%s-%s" % (os.path.basename(run.directory), key[:8])
    with run.lock() as lock:
        before = run.launch() or {}
        record = before
        if key in before.get("keys", []):
            # Recorded, and what came of it perhaps not.
            if "slurm" not in before or before["slurm"]["job"]:
                return False
            job = JOBS.named(name)
        else:
            if run.state(fresh=True) == "alive":
                raise Refused("Slurm job %s of this run is there already." % run.job(), "going")
            job = None
            for verb in run.control():
                os.remove(run.path("control", verb + ".json"))
            attempt = 1 + int((read_json(run.path("process.json")) or {}).get("attempt", 0))
            write_whole(run.path("job.sh"), job_script(request["argv"], request.get("env", {}), int(wish["port"])))
            record = {"v": 1, "attempt": attempt, "keys": (before.get("keys", []) + [key])[-20:], "argv": request["argv"], "agent": request["agent"], "host": socket.gethostname(), "startedAt": time.time(),
                      "slurm": {"name": name, "job": None}}
            write_whole(run.path("launch.json"), json.dumps(record, indent=2))
        if job is None:
            words = ["--parsable", "--no-requeue", "--open-mode=append", "--job-name=" + name, "--chdir=" + run.directory, "--output=" + run.path("stdout.log").replace("%", "%%")]
            words += ["--partition=" + wish["partition"]] if wish.get("partition") else []
            try:
                job = slurm("sbatch", *words, *wish.get("options", []), run.path("job.sh"), later=False, pass_fds=(lock.descriptor,)).strip().split(";")[0]
            except Refused as refusal:
                # An answer may be lost between sbatch and its controller as well.
                if re.search("timed out|within 60 s|contact|connect", str(refusal), re.I):
                    raise Refused(str(refusal), "later")
                if before:
                    write_whole(run.path("launch.json"), json.dumps(before, indent=2))
                else:
                    os.remove(run.path("launch.json"))
                raise
        record["slurm"]["job"] = job
        write_whole(run.path("launch.json"), json.dumps(record, indent=2))
    JOBS.now(job)
    return True


def end_job(job, grace):
    """TERM to all processes of a job, time to save, then Slurm's own end of it. Returns its state where it is still there."""
    for words, seconds in ((["--signal=TERM", "--full"], grace), ([], 45.0)):
        state = JOBS.now(job)["state"]
        # One that waits has nothing to save.
        if state in SLURM_ENDS or state == "unknown" or (words and state == "PENDING"):
            continue
        try:
            slurm("scancel", *words, job)
        except Refused:
            pass  # It may have ended meanwhile; whether it has is asked below.
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(1)
            if JOBS.now(job)["state"] in SLURM_ENDS:
                return None
    state = JOBS.now(job)["state"]
    return None if state in SLURM_ENDS or state == "unknown" else state


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def launch_name(process):
    return "launch.json" if process == 0 else "launch-%d.json" % process


def output_name(process):
    return "stdout.log" if process == 0 else "stdout-%d.log" % process


class Run:
    """One run directory, as one of its processes sees it: number 0 writes it, the others only take part."""

    def __init__(self, directory, process=0):
        self.directory, self.process = os.path.abspath(os.path.expanduser(directory)), int(process)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def launch(self):
        return read_json(self.path(launch_name(self.process)))

    def writer(self):
        return read_json(self.path("process.json")) if self.process == 0 else None

    def records(self):
        return [record for record in (self.launch(), self.writer()) if record and "pid" in record]

    def attempt(self):
        return max([1] + [int(record.get("attempt", 1)) for record in (self.launch(), self.writer()) if record])

    def submission(self):
        """What launch.json says of the job that the newest attempt was handed to Slurm as; None where this machine started it itself."""
        launch = self.launch() or {}
        found = launch.get("slurm")
        return found if isinstance(found, dict) and int(launch.get("attempt", 1)) >= int((self.writer() or {}).get("attempt", 1)) else None

    def job(self):
        """Number of that job, or None. Where it was not noted, Slurm is asked for the job of its name."""
        found, launch = self.submission(), self.launch()
        if not found or found.get("job"):
            return found and found["job"]
        job = JOBS.named(found["name"])
        if job:
            launch["slurm"]["job"] = job
            write_whole(self.path("launch.json"), json.dumps(launch, indent=2))
        return job

    def job_facts(self, fresh=False):
        """How that job does; None where there is none, or Slurm has not told yet. Without `fresh` nothing is waited for."""
        found = self.submission()
        if not found:
            return None
        job = self.job() if fresh else found.get("job")
        return (dict(JOBS.now(job) if fresh else JOBS.look(job) or {}, job=job) if job else None)

    def exit(self):
        """The end of the newest attempt, or None."""
        found = read_json(self.path("exit.json"))
        return found if found and int(found.get("attempt", 0)) >= self.attempt() else None

    def state(self, fresh=False):
        """none where no process was ever started here. A job of Slurm is gone once Slurm says so, and elsewhere while Slurm says nothing."""
        if self.submission():
            facts = self.job_facts(fresh)
            return "none" if facts is None else "elsewhere" if "state" not in facts else "gone" if facts["state"] in SLURM_ENDS or facts["state"] == "unknown" else "alive"
        states = [state_of(record) for record in self.records()]
        for state in ("alive", "elsewhere", "rebooted", "gone"):
            # A launch before a reboot does not outweigh the process of a later start.
            if state in states:
                return state if state != "rebooted" or states[-1] == "rebooted" else "gone"
        return "none"

    def members(self):
        """Its processes; of one that was handed to Slurm, the job's number while the job is there."""
        if self.submission():
            facts = self.job_facts(fresh=True)
            return [int(re.match(r"\d+", facts["job"]).group())] if facts and facts["state"] not in SLURM_ENDS and facts["state"] != "unknown" else []
        return sorted({pid for record in self.records() if state_of(record) != "elsewhere" for pid in members(record)})

    def control(self):
        try:
            return sorted(name[:-5] for name in os.listdir(self.path("control")) if name in ("stop.json", "checkpoint.json"))
        except OSError:
            return []

    def ask(self, verb):
        make_folder(self.path("control"))
        write_whole(self.path("control", verb + ".json"), json.dumps({"v": 1, "verb": verb, "t": time.time()}))

    def checkpoints(self):
        try:
            names = os.listdir(self.path("checkpoints"))
        except OSError:
            return []
        return sorted(int(name[5:]) for name in names if re.match(r"^step-\d{1,9}$", name) and os.path.exists(self.path("checkpoints", name, "manifest.json")))

    def last_words(self):
        """The last line that says something, and the end of what was printed."""
        try:
            with open(self.path(output_name(self.process)), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - 8000))
                text = file.read(8000).decode("utf-8", "replace")
        except OSError:
            return "", None
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # What Slurm says of its own doing is said better by the job's state.
        own = [line for line in lines if not re.match("(slurmstepd|srun)\\b", line)]
        return (own[-1][:300] if own else ""), (text if lines else None)

    def settle(self):
        """Writes exit.json for a process that is provably gone and left none; returns it. Nobody's end is written twice."""
        with self.lock():
            state, found = self.state(), self.exit()
            if found or state not in ("gone", "rebooted") or self.process != 0:
                return found
            launch, writer = self.launch(), self.writer()
            started = writer is not None and int(writer.get("attempt", 1)) >= self.attempt()
            said, detail = self.last_words()
            words = " Its last words: %s" % said if said else ""
            step = int((read_json(self.path("heartbeat.json")) or {}).get("step", 0))
            job = self.job_facts()
            if job:
                word = job["state"]
                how = "%s (%s)" % (SLURM_ENDS[word], word) if word in SLURM_ENDS else "is no longer known to Slurm"
                begun = "" if started else " before the trainer began" if word != "COMPLETED" else ", and the trainer did not begin"
                reason, code, message = "crashed" if word in ("FAILED", "COMPLETED") else "killed", 137, "Slurm job %s %s%s.%s" % (job["job"], how, begun, words if word in ("FAILED", "COMPLETED", "OUT_OF_MEMORY") else "")
                if word == "CANCELLED" and not started and "stop" in self.control():
                    reason, code, message = "stopped", 0, "Stopped while it waited for its turn: Slurm job %s was cancelled." % job["job"]
            elif state == "rebooted":
                reason, code, message = "killed", 137, "%s was restarted while the run was going." % socket.gethostname()
            elif not started:
                reason, code, message = "crashed", 1, "The trainer did not start.%s" % words
            else:
                crashed = re.search("error|exception|abort|fatal|segmentation|assert|terminate", said, re.I)
                reason, code, message = "crashed" if crashed else "killed", 137, "The trainer's process is gone and gave no reason; it was killed or crashed.%s" % words
            if step > 0:
                message += " It had finished step %d; resume continues from its last checkpoint." % step
            end = {"v": 1, "attempt": self.attempt(), "reason": reason, "code": code, "step": step, "t": time.time(), "message": message[:4000], "detail": detail, "by": "agent"}
            try:
                write_whole(self.path("exit.json"), json.dumps(end))
            except OSError:
                pass  # Somebody else's folder, or a full disk: the end is told all the same.
            return end

    def lock(self):
        return FolderLock(self.directory)


class FolderLock:
    """A lock on a folder that the kernel gives back when its holder dies; it leaves no file."""

    def __init__(self, folder):
        self.folder, self.descriptor = folder, -1

    def __enter__(self):
        self.descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # A disk that knows no locks: a launch is then guarded by its key alone.
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)


def summary(directory):
    """What the list of runs shows of a directory; None where it is no run."""
    spec = read_json(os.path.join(directory, "spec.json"))
    if spec is None:
        return None
    run = Run(directory)
    if not os.path.exists(run.path("events.jsonl")) and run.writer() is None and run.launch() is None:
        return None
    end, beat = run.exit(), read_json(run.path("heartbeat.json")) or {}
    if not end and JOBS.at is None and run.submission():
        try:
            JOBS.ask()
        except Refused:
            pass  # It is listed as one of which nothing is known.
    try:
        facts = os.stat(run.path("events.jsonl"))
        size, changed = facts.st_size, facts.st_mtime
    except OSError:
        size, changed = 0, os.stat(directory).st_mtime
    imported = isinstance(spec.get("lineage"), dict) and spec["lineage"].get("kind") == "imported"
    return {
        "directory": directory, "name": str(spec.get("name", "untitled"))[:200], "state": "ended" if end else run.state(), "reason": end.get("reason") if end else None,
        "attempt": run.attempt(), "step": beat.get("step", (end or {}).get("step", 0)), "bytes": size, "changed": changed, "imported": imported,
    }


def run_directories(root, depth):
    """Run directories at and below a folder, newest first by name; a run is not searched for others."""
    root = os.path.abspath(os.path.expanduser(root))
    waiting, looked = collections.deque([(root, 0)]), 0
    while waiting and looked < 20000:
        folder, level = waiting.popleft()
        looked += 1
        if os.path.exists(os.path.join(folder, "spec.json")):
            yield folder
            continue
        if level >= depth:
            continue
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
        except OSError:
            continue
        waiting.extend((os.path.join(folder, name), level + 1) for name in sorted(names, reverse=True))


# ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def start(request_file):
    """Becomes the trainer of a run. The launch is recorded first, under the folder's lock, so that its key starts one process however often it is sent."""
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)
    os.remove(request_file)
    run = Run(request["directory"], request["process"])
    try:
        os.setsid()
    except PermissionError:
        pass  # systemd has made it the leader already.
    output = os.open(run.path(output_name(run.process)), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    with run.lock():
        before = run.launch() or {}
        if request["key"] in before.get("keys", []) or run.state() == "alive":
            return
        for verb in run.control():
            os.remove(run.path("control", verb + ".json"))
        keys = (before.get("keys", []) + [request["key"]])[-20:]
        attempt = 1 + int((read_json(run.path("process.json")) or {}).get("attempt", 0))
        write_whole(run.path(launch_name(run.process)), json.dumps(own_record(v=1, attempt=attempt, keys=keys, argv=request["argv"], agent=request["agent"], startedAt=time.time()), indent=2))
        for descriptor, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, target)
    os.chdir(run.directory)
    try:
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, ("Error: %s can't be started: %s.\n" % (request["argv"][0], error.strerror)).encode())
        os._exit(127)


def spawn_starter(home, agent_file, request):
    request_file = os.path.join(make_folder(os.path.join(home, "starting")), "%s-%d.json" % (request["key"], request["process"]))
    # A unit has the environment of the service manager: the trainer gets that of a login either way.
    write_whole(request_file, json.dumps(dict(request, env=dict(os.environ, **request["env"]))))
    command = [sys.executable, agent_file, "start", request_file]
    if lingers():
        # Its own unit: it outlives this login even where logind ends what a session leaves behind, and nothing of it outlives the trainer.
        unit = "switchyard-%s-%d-%s" % (os.path.basename(request["directory"])[:40], request["process"], request["key"][:8])
        done = subprocess.run(["systemd-run", "--user", "--quiet", "--collect", "--unit=" + unit] + command,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False)
        if done.returncode == 0:
            return "systemd"
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
    # Reaped when it ends, so that it does not stay behind as a zombie while this connection lasts.
    threading.Thread(target=child.wait, daemon=True).start()
    return "setsid"


# ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Requests:
    """What can be asked. Each method takes the request and returns its answer; `part` sends a piece of a long one."""

    def __init__(self, agent):
        self.agent = agent

    def hello(self, request, part):
        self.agent.home = home_folder(request.get("home"))
        self.agent.runs = os.path.abspath(os.path.expanduser(request.get("runs") or os.path.join(self.agent.home, "runs")))
        make_folder(self.agent.home)
        return {"protocol": PROTOCOL, "home": self.agent.home, "runs": self.agent.runs, "host": socket.gethostname(), "address": own_address(), "python": sys.executable,
                "pythonVersion": "%d.%d.%d" % sys.version_info[:3], "lingers": lingers(), "agent": self.agent.digest}

    def list(self, request, part):
        roots = request.get("roots") or [self.agent.runs]
        limit, found, batch = int(request.get("limit", 5000)), 0, []
        for root in roots:
            for directory in run_directories(root, int(request.get("depth", 4))):
                try:
                    one = summary(directory)
                except (OSError, ValueError, TypeError):
                    continue  # It went, or holds something else, while it was looked at.
                if one is None:
                    continue
                if found == limit:
                    part(batch)
                    return {"more": True}
                found += 1
                batch.append(one)
                if len(batch) == 200:
                    part(batch)
                    batch = []
        part(batch)
        return {"more": False}

    def status(self, request, part):
        run = self.run_of(request)
        launch = run.launch() or {}
        return {"state": run.state(fresh=True), "exit": run.exit(), "attempt": run.attempt(), "keys": launch.get("keys", []), "members": run.members()}

    def run_of(self, request):
        run = Run(request["directory"], request.get("process", 0))
        if not os.path.isdir(run.directory):
            raise Refused("There is no folder %s on %s." % (run.directory, socket.gethostname()), "absent")
        return run

    def launch(self, request, part):
        """Makes the run directory, which is the lock, and starts the trainer in it, once for each key."""
        name, process = request["run"], int(request.get("process", 0))
        if not UUID.match(name) or not re.match(r"^[0-9a-f]{16,64}$", request["key"]):
            raise Refused("A run is named by its id.")
        runs = make_folder(self.agent.runs)
        directory = os.path.join(runs, name)
        if not os.path.isdir(directory):
            if "spec.json" not in request["files"]:
                raise Refused("The folder of this run is no longer on %s." % socket.gethostname(), "absent")
            aside = os.path.join(runs, ".new-%s-%d" % (name, process))
            shutil.rmtree(aside, ignore_errors=True)
            make_folder(os.path.join(aside, "control"))
            for file, text in request["files"].items():
                if file not in ("spec.json", "data.json", "weights.json"):
                    raise Refused("%s is no file that a run begins with." % file)
                write_whole(os.path.join(aside, file), text)
            if request.get("checkpoint"):
                self.lay_out(os.path.join(make_folder(os.path.join(aside, "checkpoints")), self.step_name(request["checkpoint"]["name"])), request["checkpoint"]["files"], True)
            try:
                os.rename(aside, directory)
            except OSError as error:
                # Another worker that shares this disk was first.
                shutil.rmtree(aside, ignore_errors=True)
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
        run = Run(directory, process)
        if request.get("slurm"):
            started = submit(run, dict(request, agent=self.agent.digest))
            return {"directory": directory, "started": started, "state": run.state()}
        if request["key"] in (run.launch() or {}).get("keys", []):
            return {"directory": directory, "started": False, "state": run.state()}
        if run.state() == "alive":
            raise Refused("A process of this run is going already on %s." % socket.gethostname(), "going")
        how = spawn_starter(self.agent.home, self.agent.file, {
            "directory": directory, "process": process, "key": request["key"], "argv": request["argv"], "env": request.get("env", {}), "agent": self.agent.digest})
        deadline = time.monotonic() + 20
        while request["key"] not in (run.launch() or {}).get("keys", []):
            if time.monotonic() > deadline:
                raise Refused("The trainer could not be started on %s within 20 s; see whether its disk is full." % socket.gethostname())
            time.sleep(0.02)
        return {"directory": directory, "started": True, "state": run.state(), "how": how}

    def ask(self, request, part):
        if request["control"] not in ("stop", "checkpoint"):
            raise Refused("A trainer can be asked to stop or to save.")
        run = self.run_of(request)
        run.ask(request["control"])
        job = run.job() if request["control"] == "stop" and run.submission() else None
        if job and JOBS.now(job)["state"] == "PENDING":
            # Nothing of it runs yet that could be asked. One that begins at this moment is left to read what it is asked.
            slurm("scancel", "--state=PENDING", job)
        return {}

    def end(self, request, part):
        """TERM to the process group, time to save, KILL; then says what is still there."""
        run, grace = self.run_of(request), float(request.get("grace", 30))
        if run.submission():
            job = run.job()
            state = end_job(job, grace) if job else None
            return {"left": [] if state is None else [{"pid": int(re.match(r"\d+", job).group()), "command": state, "job": True}]}
        pids = run.members()
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 10)):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
            deadline = time.monotonic() + seconds
            while pids and time.monotonic() < deadline:
                time.sleep(0.1)
                pids = run.members()
            if not pids:
                break
        return {"left": [{"pid": pid, "command": command_of(pid)} for pid in pids]}

    def read(self, request, part):
        """Bytes of a file of a run, from an offset on."""
        run = self.run_of(request)
        path = inside(run.directory, request["name"])
        try:
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(int(request["offset"]))
                data = file.read(min(CHUNK, int(request.get("length", CHUNK))))
        except (FileNotFoundError, IsADirectoryError):
            raise Refused("There is no file %s in %s." % (request["name"], run.directory), "absent")
        return {"size": size, "data": base64.b64encode(data).decode()}

    # Files that are sent are named by their content, so that what is there is never sent again and what was cut off goes on.

    def blob(self, sha):
        if not SHA.match(sha):
            raise Refused("A file is named by its SHA-256.")
        return os.path.join(make_folder(os.path.join(self.agent.home, "blobs")), sha)

    def part(self, request, sha):
        """Where a file arrives. Workers that share a disk may be sent the same one at the same time, each into its own."""
        return "%s.%d.part" % (self.blob(sha), int(request.get("process", 0)))

    def have(self, request, part):
        """Bytes of each file that are here; -1 where it is whole."""
        answer = {}
        for sha in request["files"][:20000]:
            arriving = self.part(request, sha)
            answer[sha] = -1 if os.path.exists(self.blob(sha)) else os.path.getsize(arriving) if os.path.exists(arriving) else 0
        return {"files": answer}

    def put(self, request, part):
        """Bytes of a file in their order; `seal` makes it whole."""
        offset, data = int(request["offset"]), base64.b64decode(request["data"])
        descriptor = os.open(self.part(request, request["sha256"]), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            if os.fstat(file.fileno()).st_size < offset:
                raise Refused("The file was cut off before byte %d." % offset, "gap")
            file.seek(offset)
            file.write(data)
            file.truncate()
        return {}

    def seal(self, request, part):
        path, arriving = self.blob(request["sha256"]), self.part(request, request["sha256"])
        with open(arriving, "ab") as file:
            os.fsync(file.fileno())
        if digest_of(arriving) != request["sha256"]:
            os.remove(arriving)
            raise Refused("What arrived on %s is not what was sent." % socket.gethostname(), "damaged")
        os.rename(arriving, path)
        flush_folder(os.path.dirname(path))
        return {}

    def folder(self, request, part):
        """Makes a folder of files that are here; it appears whole or not at all, and is never changed."""
        kind, name = request["kind"], request["name"]
        if kind not in ("code", "data") or not NAME.match(name) or name.startswith("."):
            raise Refused("A folder is named by what it holds.")
        parent = make_folder(os.path.join(self.agent.home, kind))
        target, aside = os.path.join(parent, name), os.path.join(parent, ".%s.%d.partial" % (name, os.getpid()))
        if os.path.isdir(target):
            return {"directory": target}
        shutil.rmtree(aside, ignore_errors=True)
        self.lay_out(aside, request["files"], False)
        try:
            os.rename(aside, target)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not os.path.isdir(target):
                raise
        flush_folder(parent)
        return {"directory": target}

    def step_name(self, name):
        if not re.match(r"^step-\d{1,9}$", name):
            raise Refused("A checkpoint is named by its step.")
        return name

    def lay_out(self, folder, files, own):
        """Puts files that are here into a folder by their names; `own`: as copies that may be changed and removed."""
        for file in files:
            pieces = file["name"].split("/")
            if not all(NAME.match(piece) and piece not in (".", "..") for piece in pieces):
                raise Refused("%s can't be the name of a file." % file["name"])
            place, source = os.path.join(folder, *pieces), self.blob(file["sha256"])
            make_folder(os.path.dirname(place))
            if not os.path.exists(source):
                raise Refused("The file %s has not arrived whole on %s." % (file["name"], socket.gethostname()), "missing")
            if own:
                shutil.copyfile(source, place)
            else:
                os.link(source, place)

    # Logs of other trainers.

    def find(self, request, part):
        """Logs below a folder: folders of TensorBoard event files, and JSONL and CSV files."""
        root = os.path.abspath(os.path.expanduser(request["root"]))
        if not os.path.exists(root):
            raise Refused("There is no file or folder %s on %s." % (root, socket.gethostname()), "absent")
        found, until = [], time.monotonic() + 10
        if os.path.isfile(root):
            event = re.search(EVENT_FILE, os.path.basename(root))
            found = [self.log_at(os.path.dirname(root), [os.path.basename(root)], "tensorboard" if event else None)]
        else:
            for place, _, files in walk(root, int(request.get("depth", 8))):
                events = [name for name in files if re.search(EVENT_FILE, name)]
                if events:
                    found.append(self.log_at(place, events, "tensorboard"))
                # A run directory is no other trainer's log.
                if "spec.json" not in files:
                    found += [self.log_at(place, [name], None) for name in files if re.search(TEXT_LOG, name) and name not in events]
                if len(found) >= 1000 or time.monotonic() > until:
                    break
        return {"logs": [log for log in found if log][:1000]}

    def log_at(self, place, names, form):
        try:
            facts = [(name, os.stat(os.path.join(place, name))) for name in names]
        except OSError:
            return None
        return {"path": place if form else os.path.join(place, names[0]), "format": form, "bytes": sum(one.st_size for _, one in facts),
                "changed": max(one.st_mtime for _, one in facts), "files": [[name, one.st_size] for name, one in facts][:500]}

    def tail(self, request, part):
        """Bytes of another trainer's log from an offset on, with what tells whether it is the same file as before."""
        path = os.path.abspath(os.path.expanduser(request["path"]))
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise Refused("%s can't be read on %s: %s." % (path, socket.gethostname(), error.strerror), "absent")
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise Refused("%s is no file." % path, "absent")
            offset = int(request["offset"])
            same = facts.st_size >= offset and matches(file, request.get("marks", []))
            file.seek(offset if same else 0)
            return {"same": same, "size": facts.st_size, "data": base64.b64encode(file.read(CHUNK)).decode()}


def walk(root, depth):
    for place, below, files in os.walk(root):
        level = place[len(root):].count(os.sep)
        below[:] = sorted(name for name in below if not name.startswith(".")) if level < depth else []
        yield place, below, sorted(files)


def matches(file, marks):
    """Whether a file holds what it held: pieces of it, each with its place, length and SHA-256."""
    for place, length, digest in marks:
        if length > MAX_SMALL:
            return False
        file.seek(int(place))
        if hashlib.sha256(file.read(int(length))).hexdigest() != digest:
            return False
    return True


# ── Watching ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Watch:
    """One run, pushed as it changes: bytes of its events in order, its small files, and whether its processes live."""

    SMALL = ("process.json", "heartbeat.json")

    def __init__(self, number, run, offset, request):
        self.number, self.run, self.offset, self.request = number, run, offset, request
        self.file, self.identity = None, None
        self.said = {}
        self.output_at = None
        self.caught_up = False
        self.slow_due = 0.0
        self.gone = 0

    def begin(self):
        """Opens the events and holds them against what the other side has of them. Returns whether it has to begin anew."""
        same = True
        self.close()
        try:
            self.file = open(self.run.path("events.jsonl"), "rb")
        except OSError:
            same = self.offset == 0
        if self.file:
            facts = os.fstat(self.file.fileno())
            self.identity = (facts.st_dev, facts.st_ino)
            same = facts.st_size >= self.offset and matches(self.file, self.request.get("marks", []))
        if not same:
            self.offset = 0
        return not same

    def close(self):
        if self.file:
            self.file.close()
        self.file = None

    def replaced(self):
        """Whether another file stands in the place of the one that is read."""
        try:
            facts = os.stat(self.run.path("events.jsonl"))
        except OSError:
            return self.file is not None
        if self.file is None:
            self.file = open(self.run.path("events.jsonl"), "rb")
            self.identity = (facts.st_dev, facts.st_ino)
        return (facts.st_dev, facts.st_ino) != self.identity or facts.st_size < self.offset

    def push(self, agent, key, value):
        """Says what changed since it was said last."""
        if self.said.get(key, self) != value:
            self.said[key] = value
            agent.send({"watch": self.number, key: value})

    def poll(self, agent, now):
        """One look. Returns whether it had something to send."""
        busy = False
        slow = now >= self.slow_due
        if slow:
            self.slow_due = now + SLOW_POLL_SECONDS
            if not os.path.isdir(self.run.directory):
                self.push(agent, "state", "absent")
                return False
        # Whatever its end says had been logged before it was written, so the end is read first and told last.
        end = self.changed_text("exit.json")
        if self.replaced():
            self.close()
            self.offset = 0
            agent.send({"watch": self.number, "replaced": True})
            return True
        while self.file and agent.room() > 0:
            self.file.seek(self.offset)
            data = self.file.read(min(CHUNK, agent.room()))
            if not data:
                break
            busy = True
            agent.sent(len(data))
            agent.send({"watch": self.number, "events": {"offset": self.offset, "data": base64.b64encode(data).decode()}})
            self.offset += len(data)
        behind = self.file is not None and os.fstat(self.file.fileno()).st_size > self.offset
        for name in self.SMALL:
            text = self.changed_text(name)
            if text is not None:
                agent.send({"watch": self.number, "file": {"name": name, "text": text}})
        if slow:
            self.slow_look(agent, behind)
        self.push(agent, "control", self.run.control())
        if behind:
            self.said.pop("exit.json", None)
            return busy
        if end is not None:
            agent.send({"watch": self.number, "file": {"name": "exit.json", "text": end}})
        elif not os.path.exists(self.run.path("exit.json")):
            self.said.pop("exit.json", None)
        if not self.caught_up:
            self.caught_up = True
            agent.send({"watch": self.number, "caughtUp": True})
        return busy

    def changed_text(self, name):
        """Text of a small file that changed since this was asked last; None otherwise."""
        try:
            facts = os.stat(self.run.path(name))
        except OSError:
            return None
        stamp = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if self.said.get(name) == stamp:
            return None
        text = read_small(self.run.path(name))
        if text is not None:
            self.said[name] = stamp
        return text

    def slow_look(self, agent, behind):
        state = self.run.state()
        if self.run.submission():
            facts = self.run.job_facts() or {}
            if "state" not in facts and JOBS.problem is None:
                return  # Slurm has been asked and has not answered yet.
            self.push(agent, "job", {"id": facts.get("job") or "", "state": facts.get("state", "unknown"), "reason": facts.get("reason", "")[:200], "problem": JOBS.problem})
            # What a compute node wrote may come late over the disk that it shares with this machine.
            if state == "gone" and self.gone < SLURM_SECONDS and self.run.exit() is None:
                self.gone += 1
                return
        self.gone = self.gone + 1 if state in ("gone", "rebooted") else 0
        # Looked at twice: it may have written its end between the two looks.
        if self.gone >= 2 and not behind and self.run.exit() is None:
            end = self.run.settle()
            if end is not None:
                self.said.pop("exit.json", None)
                if not os.path.exists(self.run.path("exit.json")):
                    agent.send({"watch": self.number, "file": {"name": "exit.json", "text": json.dumps(end)}})
        self.push(agent, "state", state)
        self.push(agent, "checkpoints", self.run.checkpoints()[-1000:])
        self.push_output(agent)

    def push_output(self, agent):
        try:
            with open(self.run.path(output_name(self.run.process)), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size == self.output_at:
                    return
                fresh = self.output_at is None or size < self.output_at or size - self.output_at > OUTPUT_TAIL
                start_at = max(0, size - OUTPUT_TAIL) if fresh else self.output_at
                file.seek(start_at)
                data = file.read(OUTPUT_TAIL)
        except OSError:
            return
        self.output_at = start_at + len(data)
        agent.send({"watch": self.number, "output": {"fresh": fresh, "data": base64.b64encode(data).decode()}})


# ── The agent ───────────────────────────────────────────────────────────────────────────────────────────────────────

# Requests that may take long are worked on beside the others, a few at a time.
WORKERS = 3


class Agent:
    def __init__(self):
        self.file = os.path.abspath(__file__)
        self.digest = digest_of(self.file)
        self.home = home_folder()
        self.runs = os.path.join(self.home, "runs")
        self.requests = Requests(self)
        self.writing = threading.Lock()
        self.watching = threading.Condition()
        self.watches = {}
        self.pending = collections.deque()
        self.waiting = threading.Condition()
        self.on_the_way = 0
        self.heard = time.monotonic()

    def send(self, value):
        data = frame(value)
        with self.writing:
            while data:
                data = data[os.write(1, data):]

    def room(self):
        return WINDOW - self.on_the_way

    def sent(self, count):
        with self.watching:
            self.on_the_way += count

    def serve(self):
        for _ in range(WORKERS):
            threading.Thread(target=self.work, daemon=True).start()
        threading.Thread(target=self.watch, daemon=True).start()
        reader = FrameReader()
        while True:
            data = os.read(0, 1 << 16)
            if not data:
                return
            for message in reader.feed(data):
                self.heard = time.monotonic()
                if isinstance(message, dict):
                    self.take(message)

    def take(self, message):
        verb = message.get("verb")
        if verb == "ack":
            with self.watching:
                self.on_the_way = max(0, self.on_the_way - int(message.get("bytes", 0)))
                self.watching.notify()
        elif verb == "ping":
            self.send({"id": message.get("id"), "ok": {}})
        elif verb == "watch":
            self.answer(message, self.begin_watch)
        elif verb == "put":
            # In the order in which they came, so that many can be on their way.
            self.answer(message, self.requests.put)
        elif verb == "unwatch":
            with self.watching:
                watch = self.watches.pop(message.get("watch"), None)
                if watch:
                    watch.close()
        else:
            with self.waiting:
                self.pending.append(message)
                self.waiting.notify()

    def begin_watch(self, message, part):
        run = self.requests.run_of(message)
        watch = Watch(int(message["watch"]), run, int(message["offset"]), message)
        anew = watch.begin()
        # The answer comes before the first push.
        self.send({"id": message.get("id"), "ok": {"anew": anew, "spec": read_small(run.path("spec.json"))}})
        with self.watching:
            self.watches[watch.number] = watch
            self.watching.notify()
        return None

    def work(self):
        while True:
            with self.waiting:
                while not self.pending:
                    self.waiting.wait()
                message = self.pending.popleft()
            verb = message.get("verb")
            method = getattr(self.requests, verb, None) if verb in VERBS else None
            if method is None:
                self.send({"id": message.get("id"), "error": {"message": "This agent knows no request %s." % verb, "code": "unknown"}})
            else:
                self.answer(message, method)

    def answer(self, message, method):
        number = message.get("id")
        try:
            result = method(message, lambda piece: self.send({"id": number, "part": piece}))
            if result is not None:
                self.send({"id": number, "ok": result})
        except Refused as refusal:
            self.send({"id": number, "error": {"message": str(refusal), "code": refusal.code}})
        except OSError as error:
            where = " (%s)" % error.filename if error.filename else ""
            self.send({"id": number, "error": {"message": "%s on %s%s." % (error.strerror or error, socket.gethostname(), where), "code": "disk-full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "system"}})
        except Exception as error:
            self.send({"id": number, "error": {"message": "The agent on %s failed: %s: %s." % (socket.gethostname(), type(error).__name__, error), "code": "failed"}})

    def watch(self):
        while True:
            now = time.monotonic()
            if now - self.heard > SILENCE_SECONDS:
                os._exit(0)
            with self.watching:
                watches = list(self.watches.values())
            busy = False
            for watch in watches:
                try:
                    busy = watch.poll(self, now) or busy
                except (OSError, ValueError) as error:
                    watch.push(self, "problem", str(error)[:500])
            with self.watching:
                # Acknowledged bytes make room at once; everything else is looked at in turn.
                self.watching.wait(0.005 if busy and self.room() > 0 else POLL_SECONDS)


VERBS = frozenset(("hello", "list", "status", "launch", "ask", "end", "read", "have", "seal", "folder", "find", "tail"))


def main(words):
    if words[:1] == ["start"] and len(words) == 2:
        start(words[1])
    elif words[:1] == ["serve"]:
        # A reader that is gone ends this process; what it started goes on.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        Agent().serve()
        os._exit(0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
