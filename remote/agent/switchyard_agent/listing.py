"""Finding runs, and what a list shows of each."""

import collections
import os

from .disk import read_json
from .refusal import Refused
from .run import Run


def summary(directory):
    """What the list of runs shows of a directory; None where it is no run."""
    spec = read_json(os.path.join(directory, "spec.json"))
    if spec is None:
        return None
    run = Run(directory)
    if not os.path.exists(run.path("events.jsonl")) and run.writer() is None and run.launch() is None:
        return None
    end, beat = run.exit(), read_json(run.path("heartbeat.json")) or {}
    if not end:
        hear_of_job(run)
    try:
        facts = os.stat(run.path("events.jsonl"))
        size, changed = facts.st_size, facts.st_mtime
    except OSError:
        size, changed = 0, os.stat(directory).st_mtime
    imported = isinstance(spec.get("lineage"), dict) and spec["lineage"].get("kind") == "imported"
    return {
        "directory": directory, "name": str(spec.get("name", "untitled"))[:200], "state": "ended" if end else run.state(), "reason": end.get("reason") if end else None,
        "attempt": run.attempt(), "step": beat.get("step", (end or {}).get("step", 0)), "bytes": size, "changed": changed, "imported": imported,
    }


def hear_of_job(run):
    """Waits for what the engine says of a run's job, where it has never told of it and answers at all."""
    handed, facts = run.handed(), run.job_facts()
    if handed and facts and "state" not in facts and handed[0].problem is None:
        try:
            run.job_facts(fresh=True)
        except Refused:
            pass  # It is listed as one of which nothing is known.


def run_directories(root, depth):
    """Run directories at and below a folder, newest first by name; a run is not searched for others."""
    root = os.path.abspath(os.path.expanduser(root))
    waiting, looked = collections.deque([(root, 0)]), 0
    while waiting and looked < 20000:
        folder, level = waiting.popleft()
        looked += 1
        if os.path.exists(os.path.join(folder, "spec.json")):
            yield folder
            continue
        if level >= depth:
            continue
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
        except OSError:
            continue
        waiting.extend((os.path.join(folder, name), level + 1) for name in sorted(names, reverse=True))
