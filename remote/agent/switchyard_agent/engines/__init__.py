"""The engines to which a host can hand its runs, by the word that requests and launch.json know them by."""

from .ray import Ray
from .slurm import Slurm

SLURM, RAYS = Slurm(), {}
KINDS = (Slurm.kind, Ray.kind)


def engine_named(kind, wish):
    """The one engine that a request, or a note of it, means."""
    if kind == Slurm.kind:
        return SLURM
    address = wish["address"].rstrip("/")
    return RAYS.setdefault(address, Ray(address))


def engine_of(launch):
    """The engine that a record of a launch names, and what it notes of the job there; None where the machine itself started it."""
    for kind in KINDS:
        note = launch.get(kind)
        if isinstance(note, dict):
            return engine_named(kind, note), note
    return None
