"""What the program does by its first word."""

import os
import signal
import sys

import switchyard_agent

from .agent import Agent
from .engines.ray import submit
from .starting import start


def main(words):
    if words[:1] == ["start"] and len(words) == 2:
        start(words[1])
    elif words[:1] == ["submit-ray"] and len(words) == 2:
        submit(words[1])
    elif words[:1] == ["serve"]:
        # A reader that is gone ends this process; what it started goes on.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        # The archive that Python was told to run.
        Agent(os.path.abspath(sys.argv[0])).serve()
        os._exit(0)
    else:
        sys.exit(switchyard_agent.__doc__)
