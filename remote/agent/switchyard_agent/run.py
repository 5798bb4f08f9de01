"""One run directory, and what can be known of the run from it."""

import json
import os
import re
import time

from .disk import FolderLock, make_folder, read_json, write_whole
from .engines import engine_of
from .processes import members, state_of


def launch_name(process):
    return "launch.json" if process == 0 else "launch-%d.json" % process


def output_name(process):
    return "stdout.log" if process == 0 else "stdout-%d.log" % process


class Run:
    """A run as one of its processes sees it: number 0 writes it, the others only take part."""

    def __init__(self, directory, process=0):
        self.directory, self.process = os.path.abspath(os.path.expanduser(directory)), int(process)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def lock(self):
        return FolderLock(self.directory)

    def launch(self):
        return read_json(self.path(launch_name(self.process)))

    def writer(self):
        return read_json(self.path("process.json")) if self.process == 0 else None

    def records(self):
        return [record for record in (self.launch(), self.writer()) if record and "pid" in record]

    def attempt(self):
        return max([1] + [int(record.get("attempt", 1)) for record in (self.launch(), self.writer()) if record])

    def exit(self):
        """The end of the newest attempt, or None."""
        found = read_json(self.path("exit.json"))
        return found if found and int(found.get("attempt", 0)) >= self.attempt() else None

    # The job of an engine that it is.

    def handed(self):
        """The engine that the newest attempt was handed to, and what launch.json notes of the job; None where this machine started it itself."""
        launch = self.launch() or {}
        return engine_of(launch) if int(launch.get("attempt", 1)) >= int((self.writer() or {}).get("attempt", 1)) else None

    def job(self):
        """Id of that job, or None. Where it was not noted, the engine is asked for the job of its name."""
        handed = self.handed()
        if not handed or handed[1].get("job"):
            return handed and handed[1]["job"]
        engine, note = handed
        job = engine.named(note["name"])
        if job:
            launch = self.launch()
            launch[engine.kind]["job"] = job
            write_whole(self.path("launch.json"), json.dumps(launch, indent=2))
        return job

    def job_facts(self, fresh=False):
        """How that job does; None where there is none, and without a state where the engine has not told yet. Without `fresh` nothing is waited for."""
        handed = self.handed()
        if not handed:
            return None
        engine, note = handed
        job = self.job() if fresh else note.get("job")
        if note.get("calledOff"):
            return {"job": job, "state": engine.CANCELLED, "reason": ""}
        return dict((engine.now(job) if fresh else engine.look(job)) or {}, job=job) if job else None

    # How it does.

    def state(self, fresh=False):
        """none where no process was ever started here. A job is gone once its engine says so, and elsewhere while the engine says nothing."""
        handed = self.handed()
        if handed:
            facts = self.job_facts(fresh)
            return "none" if facts is None else "elsewhere" if "state" not in facts else "gone" if handed[0].over(facts) else "alive"
        states = [state_of(record) for record in self.records()]
        for state in ("alive", "elsewhere", "rebooted", "gone"):
            # A launch before a reboot does not outweigh the process of a later start.
            if state in states:
                return state if state != "rebooted" or states[-1] == "rebooted" else "gone"
        return "none"

    def members(self):
        """Its processes on this machine."""
        return sorted({pid for record in self.records() if state_of(record) != "elsewhere" for pid in members(record)})

    def going(self):
        """Number of its processes; of one that was handed to an engine, 1 while its job is there."""
        if self.handed():
            return 1 if self.state(fresh=True) == "alive" else 0
        return len(self.members())

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

    # What the trainer is asked.

    def control(self):
        try:
            return sorted(name[:-5] for name in os.listdir(self.path("control")) if name in ("stop.json", "checkpoint.json"))
        except OSError:
            return []

    def ask(self, verb):
        make_folder(self.path("control"))
        write_whole(self.path("control", verb + ".json"), json.dumps({"v": 1, "verb": verb, "t": time.time()}))

    def make_way(self):
        """Before another start: what the one before was asked is not meant for it, and the end of an attempt that never began is not its own."""
        for verb in self.control():
            os.remove(self.path("control", verb + ".json"))
        end = read_json(self.path("exit.json")) if self.process == 0 else None
        if end and int(end.get("attempt", 0)) >= self.next_attempt():
            os.remove(self.path("exit.json"))

    def next_attempt(self):
        return 1 + int((read_json(self.path("process.json")) or {}).get("attempt", 0))
