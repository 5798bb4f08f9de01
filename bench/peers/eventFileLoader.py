"""Seconds that TensorBoard's own Python takes for an event file: its reader alone, and its accumulator with every scalar kept.

Usage: python eventFileLoader.py FILE     prints one line of JSON
"""

import itertools
import json
import sys
import time

from tensorboard import version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

path = sys.argv[1]
# The legacy loader is the one that the accumulator reads through, and several times as fast as EventFileLoader, which also turns every value into a tensor.
# What is imported on first use is no part of reading.
for _ in itertools.islice(LegacyEventFileLoader(path).Load(), 10):
    pass

begin = time.perf_counter()
events = sum(1 for _ in LegacyEventFileLoader(path).Load())
read = time.perf_counter() - begin

begin = time.perf_counter()
accumulator = EventAccumulator(path, size_guidance={"scalars": 0, "tensors": 0})
accumulator.Reload()
tags = accumulator.Tags()
kept = sum(len(accumulator.Scalars(tag)) for tag in tags["scalars"]) + sum(len(accumulator.Tensors(tag)) for tag in tags["tensors"])
accumulate = time.perf_counter() - begin

print(json.dumps({"version": version.VERSION, "events": events, "kept": kept, "read": read, "accumulate": accumulate}))
