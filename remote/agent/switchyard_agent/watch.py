"""Watching one run: what changes of it is pushed, in order, and its end is told last."""

import base64
import json
import os
import time

from .disk import matches, read_small
from .engines.engine import ASKED_SECONDS, UNKNOWN
from .frames import CHUNK
from .run import output_name
from .settle import settle

OUTPUT_TAIL = 64 * 1024
# Looking at processes and folders costs more than looking at a file.
SLOW_POLL_SECONDS = 1.0
# A trainer writes its heartbeat every few seconds; one that stands still for this long has no trainer any more.
STILL_SECONDS = 60.0


class Watch:
    """Pushes bytes of a run's events in their order, its small files, and whether its processes live."""

    SMALL = ("process.json", "heartbeat.json")

    def __init__(self, number, run, offset, request):
        self.number, self.run, self.offset, self.request = number, run, offset, request
        self.file, self.identity = None, None
        self.said = {}
        self.output_at = None
        self.caught_up = False
        self.slow_due = 0.0
        self.gone = 0
        self.beat, self.beaten = None, 0.0

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
            agent.push({"watch": self.number, key: value})

    def poll(self, agent, now):
        """One look. Returns whether there is more to send than there was room for."""
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
            agent.push({"watch": self.number, "replaced": True})
            return True
        while self.file and agent.room() > 0:
            self.file.seek(self.offset)
            data = self.file.read(min(CHUNK, agent.room()))
            if not data:
                break
            agent.sent(len(data))
            agent.push({"watch": self.number, "events": {"offset": self.offset, "data": base64.b64encode(data).decode()}})
            self.offset += len(data)
        behind = self.file is not None and os.fstat(self.file.fileno()).st_size > self.offset
        for name in self.SMALL:
            text = self.changed_text(name)
            if text is not None:
                agent.push({"watch": self.number, "file": {"name": name, "text": text}})
        if slow:
            self.slow_look(agent, behind)
        self.push(agent, "control", self.run.control())
        if behind:
            self.said.pop("exit.json", None)
            return True
        if end is not None:
            agent.push({"watch": self.number, "file": {"name": "exit.json", "text": end}})
        elif not os.path.exists(self.run.path("exit.json")):
            self.said.pop("exit.json", None)
        if not self.caught_up:
            self.caught_up = True
            agent.push({"watch": self.number, "caughtUp": True})
        return False

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
        state, handed = self.run.state(), self.run.handed()
        if handed:
            engine, facts = handed[0], self.run.job_facts() or {}
            if "state" not in facts and engine.problem is None:
                return  # The engine has been asked and has not answered yet.
            self.push(agent, "job", {"engine": engine.title, "id": facts.get("job") or "", "state": facts.get("state", UNKNOWN), "over": "state" in facts and engine.over(facts),
                                     "reason": facts.get("reason", "")[:200], "problem": engine.problem})
            # One that began anew has forgotten its jobs, which may still be on their way to their end.
            if facts.get("state") == UNKNOWN and self.beats():
                state = "elsewhere"
            # What a compute node wrote may come late over the disk that it shares with this machine.
            if state == "gone" and self.gone < ASKED_SECONDS and self.run.exit() is None:
                self.gone += 1
                return
        self.gone = self.gone + 1 if state in ("gone", "rebooted") else 0
        # Looked at twice: it may have written its end between the two looks.
        if self.gone >= 2 and not behind and self.run.exit() is None:
            end = settle(self.run)
            if end is not None:
                self.said.pop("exit.json", None)
                if not os.path.exists(self.run.path("exit.json")):
                    agent.push({"watch": self.number, "file": {"name": "exit.json", "text": json.dumps(end)}})
        self.push(agent, "state", state)
        self.push(agent, "checkpoints", self.run.checkpoints()[-1000:])
        self.push_output(agent)

    def beats(self):
        """Whether its heartbeat has changed, or was first seen, within the last minute."""
        beat = read_small(self.run.path("heartbeat.json"))
        if beat != self.beat:
            self.beat, self.beaten = beat, time.monotonic()
        return beat is not None and time.monotonic() - self.beaten < STILL_SECONDS

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
        agent.push({"watch": self.number, "output": {"fresh": fresh, "data": base64.b64encode(data).decode()}})
