"""A trainer in another language: writes a run directory as docs/run-directory.md describes it, with nothing but Python 3.8.

Usage: tinyTrainer.py RUN_DIRECTORY [--steps N]

It trains no network: two "experts" fit the line y = 3x by gradient descent, and each point goes to the expert whose half it lies in. What matters is
what it writes. RUN_DIRECTORY must hold spec.json.
"""

import json
import os
import random
import socket
import sys
import time


def replace(path, value):
    """Writes a file whole: readers see the old one or the new one, also after a power cut."""
    with open(path + ".partial", "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".partial", path)


class RunDirectory:
    def __init__(self, path):
        self.path, self.seq, self.beats = path, 0, 0
        try:
            self.attempt = json.load(open(self.file("process.json")))["attempt"] + 1
        except FileNotFoundError:
            self.attempt = 1
        # Field 22, counted behind the process's name, which may hold spaces.
        ticks = open("/proc/self/stat").read().rpartition(") ")[2].split()[19]
        boot = open("/proc/sys/kernel/random/boot_id").read().strip()
        replace(self.file("process.json"), {"v": 1, "attempt": self.attempt, "pid": os.getpid(), "startTicks": ticks, "bootId": boot,
                                            "host": socket.gethostname(), "argv": sys.argv, "startedAt": time.time()})
        if os.path.exists(self.file("exit.json")):
            os.remove(self.file("exit.json"))
        os.makedirs(self.file("control"), exist_ok=True)
        self.events = open(self.file("events.jsonl"), "a")

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, kind, **fields):
        self.events.write(json.dumps({"v": 1, "attempt": self.attempt, "seq": self.seq, "t": time.time(), "kind": kind, **fields}) + "\n")
        self.events.flush()
        self.seq += 1

    def beat(self, step):
        replace(self.file("heartbeat.json"), {"v": 1, "attempt": self.attempt, "count": self.beats, "step": step, "t": time.time()})
        self.beats += 1

    def stop_asked(self):
        return os.path.exists(self.file("control/stop.json"))

    def end(self, reason, step, message):
        if self.stop_asked():
            os.remove(self.file("control/stop.json"))
        replace(self.file("exit.json"), {"v": 1, "attempt": self.attempt, "reason": reason, "code": 0, "step": step, "t": time.time(),
                                         "message": message, "detail": None, "by": "trainer"})


def train(run, steps):
    run.write("attempt", fromStep=0, parameters=2, device="python", precision="fp64")
    experts, began, numbers = [0.0, 0.0], time.time(), random.Random(1)
    for step in range(1, steps + 1):
        points = [numbers.uniform(-1, 1) for _ in range(16)]
        chosen = [int(x > 0) for x in points]
        loss = sum((experts[e] * x - 3 * x) ** 2 for x, e in zip(points, chosen)) / len(points)
        for x, e in zip(points, chosen):
            experts[e] -= 0.1 * (experts[e] - 3) * x * x
        load = [chosen.count(0), chosen.count(1)]
        run.write("metrics", step=step, tokens=16 * step, seconds=time.time() - began, values={"loss": loss})
        run.write("routing", step=step, stack="encoder", layer=0, experts=2, capacity=10, groups=1, tokens=16, load=load,
                  kept=[min(10, n) for n in load], probability=load, entropy=0, confidence=1, dropped=sum(max(0, n - 10) for n in load) / 16,
                  auxiliaryLoss=2 * sum((n / 16) ** 2 for n in load), zLoss=0, dropAtCapacityFactor=[])
        run.beat(step)
        if run.stop_asked():
            return run.end("stopped", step, f"Stopped at step {step} of {steps}.")
    run.end("completed", steps, f"Completed {steps} steps.")


if __name__ == "__main__":
    train(RunDirectory(sys.argv[1]), int(sys.argv[sys.argv.index("--steps") + 1]) if "--steps" in sys.argv else 50)
