"""The engines to which a host can hand its runs, by the word that requests and launch.json know them by."""

from .slurm import Slurm

ENGINES = {engine.kind: engine for engine in (Slurm(),)}


def engine_of(launch):
    """The engine that a record of a launch names, and what it notes of the job there; None where the machine itself started it."""
    for kind, engine in ENGINES.items():
        note = launch.get(kind)
        if isinstance(note, dict):
            return engine, note
    return None
