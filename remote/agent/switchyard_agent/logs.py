"""Logs of other trainers: found, and read on as they grow."""

import base64
import os
import re
import socket
import stat
import time

from .disk import matches
from .frames import CHUNK
from .refusal import Refused

EVENT_FILE = r"(^|\.)tfevents\."
TEXT_LOG = r"\.(jsonl|csv)$|^metrics.*\.(txt|json)$"


def find(request, part):
    """Logs below a folder: folders of TensorBoard event files, and JSONL and CSV files."""
    root = os.path.abspath(os.path.expanduser(request["root"]))
    if not os.path.exists(root):
        raise Refused("There is no file or folder %s on %s." % (root, socket.gethostname()), "absent")
    found, until = [], time.monotonic() + 10
    if os.path.isfile(root):
        event = re.search(EVENT_FILE, os.path.basename(root))
        found = [log_at(os.path.dirname(root), [os.path.basename(root)], "tensorboard" if event else None)]
    else:
        for place, _, files in walk(root, int(request.get("depth", 8))):
            events = [name for name in files if re.search(EVENT_FILE, name)]
            if events:
                found.append(log_at(place, events, "tensorboard"))
            # A run directory is no other trainer's log.
            if "spec.json" not in files:
                found += [log_at(place, [name], None) for name in files if re.search(TEXT_LOG, name) and name not in events]
            if len(found) >= 1000 or time.monotonic() > until:
                break
    return {"logs": [log for log in found if log][:1000]}


def log_at(place, names, form):
    try:
        facts = [(name, os.stat(os.path.join(place, name))) for name in names]
    except OSError:
        return None
    return {"path": place if form else os.path.join(place, names[0]), "format": form, "bytes": sum(one.st_size for _, one in facts),
            "changed": max(one.st_mtime for _, one in facts), "files": [[name, one.st_size] for name, one in facts][:500]}


def tail(request, part):
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
