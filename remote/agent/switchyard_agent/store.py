"""Files that are sent, named by their content, so that what is there is never sent again and what was cut off goes on; and the folders made of them."""

import base64
import os
import re
import shutil
import socket
import threading

from .disk import digest_of, flush_folder, make_folder
from .refusal import Refused

SHA = re.compile(r"^[0-9a-f]{64}$")
NAME = re.compile(r"^[A-Za-z0-9._-]{1,128}$")


class Store:
    """Where they lie is the agent's home, which a connection names first."""

    def __init__(self, agent):
        self.agent = agent

    def blob(self, sha):
        if not SHA.match(sha):
            raise Refused("A file is named by its SHA-256.")
        return os.path.join(make_folder(os.path.join(self.agent.home, "blobs")), sha)

    def arriving(self, request, sha):
        """Where a file arrives. Workers that share a disk may be sent the same one at the same time, each into its own."""
        return "%s.%d.part" % (self.blob(sha), int(request.get("process", 0)))

    def have(self, request, part):
        """Bytes of each file that are here; -1 where it is whole."""
        answer = {}
        for sha in request["files"][:20000]:
            arriving = self.arriving(request, sha)
            answer[sha] = -1 if os.path.exists(self.blob(sha)) else os.path.getsize(arriving) if os.path.exists(arriving) else 0
        return {"files": answer}

    def put(self, request, part):
        """Bytes of a file in their order; `seal` makes it whole."""
        offset, data = int(request["offset"]), base64.b64decode(request["data"])
        descriptor = os.open(self.arriving(request, request["sha256"]), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            if os.fstat(file.fileno()).st_size < offset:
                raise Refused("The file was cut off before byte %d." % offset, "gap")
            file.seek(offset)
            file.write(data)
            file.truncate()
        return {}

    def seal(self, request, part):
        path, arriving = self.blob(request["sha256"]), self.arriving(request, request["sha256"])
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
        target, aside = os.path.join(parent, name), os.path.join(parent, ".%s.%d.%d.partial" % (name, os.getpid(), threading.get_ident()))
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

    def checkpoint(self, run, request):
        """Lays out a checkpoint that a run is to begin with in its folder."""
        if not re.match(r"^step-\d{1,9}$", request["name"]):
            raise Refused("A checkpoint is named by its step.")
        self.lay_out(os.path.join(make_folder(os.path.join(run, "checkpoints")), request["name"]), request["files"], True)

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
