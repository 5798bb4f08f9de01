"""The conversation: requests are taken from standard input and answered on standard output, and what is watched is looked at in between."""

import collections
import errno
import os
import socket
import threading
import time

from .disk import digest_of, home_folder, read_small
from .frames import FrameReader, frame
from .refusal import Refused
from .requests import Requests
from .watch import Watch

# Bytes of events that may be on their way: what is beyond waits in the file, so a slow reader holds up nothing else.
WINDOW = 4 << 20
# Bytes that are written together at most.
TOGETHER = 1 << 16
# Looks at what is watched lie this far apart. With many runs they are fewer, so that they take a hundredth of a core: what they find is read and stored
# together on the other side as well, which costs it far less.
POLL_SECONDS, LONGEST_POLL_SECONDS = 0.1, 0.5
LOOK_SHARE = 0.01
# A connection that says nothing for this long is over, whatever the network believes.
SILENCE_SECONDS = 120
# Requests that may take long are worked on beside the others, a few at a time.
WORKERS = 3


def rest_after(seconds):
    """How long nothing is looked at after a look that took so long."""
    return min(LONGEST_POLL_SECONDS, max(POLL_SECONDS, seconds / LOOK_SHARE))


class Agent:
    def __init__(self, file):
        self.file, self.digest = file, digest_of(file)
        self.home = home_folder()
        self.runs = os.path.join(self.home, "runs")
        self.requests = Requests(self)
        self.writing = threading.Lock()
        self.watching = threading.Condition()
        self.watches = {}
        self.pending = collections.deque()
        self.waiting = threading.Condition()
        self.on_the_way = 0
        self.pushes = []
        self.heard = time.monotonic()

    def send(self, value):
        self.write(frame(value))

    def push(self, value):
        """Of the watching thread alone: what one look finds is written together, since each write wakes the other side."""
        self.pushes.append(frame(value))
        if sum(map(len, self.pushes)) > TOGETHER:
            self.flush()

    def flush(self):
        data, self.pushes = b"".join(self.pushes), []
        self.write(data)

    def write(self, data):
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
                    self.answer(message, self.take)

    def take(self, message, part):
        """What takes no time is done at once; the rest is answered by others."""
        verb = message.get("verb")
        if verb == "ack":
            with self.watching:
                if self.room() <= 0:
                    self.watching.notify()
                self.on_the_way = max(0, self.on_the_way - int(message.get("bytes", 0)))
        elif verb == "ping":
            self.send({"id": message.get("id"), "ok": {}})
        elif verb == "watch":
            self.answer(message, self.begin_watch)
        elif verb == "put":
            # In the order in which they came, so that many can be on their way.
            self.answer(message, self.requests.store.put)
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
            method = self.requests.verbs.get(verb) if isinstance(verb, str) else None
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
            behind = False
            for watch in watches:
                try:
                    behind = watch.poll(self, now) or behind
                except (OSError, ValueError) as error:
                    watch.push(self, "problem", str(error)[:500])
            self.flush()
            with self.watching:
                # Acknowledged bytes make room at once; everything else is looked at in turn.
                self.watching.wait(0.005 if behind and self.room() > 0 else rest_after(time.monotonic() - now))
