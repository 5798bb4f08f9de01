"""Starting a trainer as a process of this machine, detached from the connection that asked for it."""

import json
import os
import subprocess
import sys
import threading
import time

from .disk import make_folder, write_whole
from .processes import lingers, own_record
from .run import Run, launch_name, output_name


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
        run.make_way()
        keys = (before.get("keys", []) + [request["key"]])[-20:]
        write_whole(run.path(launch_name(run.process)), json.dumps(own_record(v=1, attempt=run.next_attempt(), keys=keys, argv=request["argv"], agent=request["agent"], startedAt=time.time()), indent=2))
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
