"""What can be asked of a host and its runs, verb by verb."""

import base64
import errno
import os
import re
import shutil
import signal
import socket
import sys
import time

from . import logs
from .disk import home_folder, inside, make_folder, write_whole
from .engines import engine_named
from .engines.engine import WAITING
from .frames import CHUNK, PROTOCOL
from .listing import run_directories, summary
from .processes import command_of, lingers, own_address
from .refusal import Refused
from .run import Run
from .starting import spawn_starter
from .store import Store

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


class Requests:
    """Each verb takes the request and returns its answer; `part` sends a piece of a long one."""

    def __init__(self, agent):
        self.agent, self.store = agent, Store(agent)
        self.verbs = {
            "hello": self.hello, "list": self.list, "status": self.status, "launch": self.launch, "ask": self.ask, "end": self.end, "read": self.read,
            "have": self.store.have, "seal": self.store.seal, "folder": self.store.folder, "find": logs.find, "tail": logs.tail,
        }

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
        return {"state": run.state(fresh=True), "exit": run.exit(), "attempt": run.attempt(), "keys": launch.get("keys", []), "going": run.going()}

    def run_of(self, request):
        run = Run(request["directory"], request.get("process", 0))
        if not os.path.isdir(run.directory):
            raise Refused("There is no folder %s on %s." % (run.directory, socket.gethostname()), "absent")
        return run

    def launch(self, request, part):
        """Starts the trainer of a run, once for each key: in the directory that is named, or in one that is made."""
        name, process = request["run"], int(request.get("process", 0))
        if not UUID.match(name) or not re.match(r"^[0-9a-f]{16,64}$", request["key"]):
            raise Refused("A run is named by its id.")
        run = self.run_of(request) if request.get("directory") else Run(self.made(request, name, process), process)
        directory = run.directory
        if not os.path.exists(run.path("spec.json")):
            raise Refused("There is no spec.json in %s on %s." % (directory, socket.gethostname()), "absent")
        if request.get("engine"):
            started = engine_named(request["engine"]["kind"], request["engine"]).submit(run, dict(request, agent=self.agent.digest, file=self.agent.file))
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

    def made(self, request, name, process):
        """The run directory of this name, which is there or made whole: making it is the lock."""
        runs = make_folder(self.agent.runs)
        directory = os.path.join(runs, name)
        if os.path.isdir(directory):
            return directory
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
            self.store.checkpoint(aside, request["checkpoint"])
        try:
            os.rename(aside, directory)
        except OSError as error:
            # Another worker that shares this disk was first.
            shutil.rmtree(aside, ignore_errors=True)
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        return directory

    def ask(self, request, part):
        if request["control"] not in ("stop", "checkpoint"):
            raise Refused("A trainer can be asked to stop or to save.")
        run = self.run_of(request)
        run.ask(request["control"])
        handed = run.handed() if request["control"] == "stop" else None
        if handed and run.job() and run.job_facts(fresh=True)["state"] == WAITING:
            # Nothing of it runs yet that could be asked.
            handed[0].call_off(run, run.job())
        return {}

    def end(self, request, part):
        """TERM to the process group, time to save, KILL; then says what is still there."""
        run, grace = self.run_of(request), float(request.get("grace", 30))
        handed = run.handed()
        if handed:
            state = handed[0].end(run, grace)
            return {"left": [] if state is None else [{"name": "%s job %s" % (handed[0].title, run.job()), "command": state}]}
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
        return {"left": [{"name": "process %d" % pid, "command": command_of(pid)} for pid in pids]}

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
