"""What every rival's program does around its step: it reads JSON lines and answers them.

The first line asks for a model, each later one, {"steps": n}, for the seconds of n steps.
"""

import json
import sys
import time


def request():
    return json.loads(sys.stdin.readline())


def answer_steps(step, version, parameters):
    """Says that the model is warm, then times steps until the input ends."""
    _answer({"ready": True, "version": version, "parameters": parameters})
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        _answer({"seconds": seconds})


def _answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
