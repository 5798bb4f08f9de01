"""One attempt of a run: model, the last good checkpoint, data, then steps until the end or a stop."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from .alerts import Alerts, run_alert
from .data.batches import BatchSource
from .data.pairs import open_batches
from .data.prepared import open_prepared
from .devices import Devices, mesh_of
from .failure import RunFailure, StopAsked
from .loop import Loop, Resumed
from .mesh.axes import MeshShape
from .model.sizes import model_of
from .programs import forget_unused, program_folder
from .run.checkpoints import ALERTS, MODEL, OPTIMIZER, Stored, Tensors, damage_of, list_checkpoints, read_tensors, set_aside
from .run.directory import AnyRun, Progress, say
from .run.sharded import FOLDER as ORBAX, ShardedState
from .spec import mesh_shape, read_spec
from .trainer import Trainer
from .training_step import Program
from .workers import Workers, all_say, arrays_of_leader, shared_folder, told_by_leader


def train(run: AnyRun, path: Path, asked: dict[str, Any], stopping: Callable[[], bool], workers: Workers) -> tuple[str, str]:
    """asked: steps and mesh, or None where the spec says it; rematerialise. Returns the reason and the sentence of the end."""
    spec = read_spec(path, MeshShape(*asked["mesh"]) if asked["mesh"] else None)
    shape, steps = mesh_shape(spec), asked["steps"] or spec["training"]["steps"]

    def stop_asked() -> bool:
        return stopping() or run.requested("stop")

    def ends_early() -> bool:
        """Between steps all processes stop together; before them process 0 does."""
        return workers.leads and stop_asked()

    report = Progress(run, ends_early, StopAsked)
    keep_compilations()
    try:
        devices = _devices(spec["device"], shape.ranks, workers)
        mesh = mesh_of(shape, devices)
        prepared = open_prepared(path, spec["data"]["tokenizer"], report)
        batches = open_batches(prepared, spec)
        _read_alike(batches, prepared.source.place, workers)
        model = model_of(spec, prepared.tokens.vocabulary, prepared.tokens.pad)
        trainer = Trainer(spec, steps, Devices(Program(model, shape, spec["training"], asked["rematerialise"]), mesh, workers.together))
        report("building-model", 0, trainer.parameter_count, "parameters")
        sharded = ShardedState() if asked["orbax"] or (workers.count > 1 and shared_folder(path)) else None
        resumed, alerts, damaged = _restore(path, trainer, report, workers.leads, sharded)
        run.step = resumed.step
        device = _name_of(devices, shape.ranks)
        # It says which rows of earlier attempts are superseded, so it comes before any row.
        run.write({"kind": "attempt", "fromStep": run.step, "parameters": trainer.parameter_count, "device": device, "precision": model.precision})
        on_mesh = f", {shape.ranks} devices (data {shape.data}, expert {shape.expert}, model {shape.model})" if shape.ranks > 1 else ""
        went_on = f"; continued from step {run.step}" if run.step else ""
        run.log("info", f"Model: {trainer.parameter_count:,} parameters on {device}, {model.precision}{on_mesh}{went_on}. JAX {jax.__version__}.")
        for message in damaged:
            run.write(run_alert(run.step, "warning", "failure", message))
        if shape.ranks < len(devices) and workers.count == 1:
            run.log("info", f"{len(devices)} devices are here and the mesh uses {shape.ranks}.")
        if batches.version:
            run.log("info", f"The data are those of {prepared.source.place}, version {batches.version}.")
            if resumed.data not in ("", batches.version):
                run.write(run_alert(run.step, "warning", "failure", f"The data in {prepared.source.place} were changed since step {run.step} was saved (version {resumed.data} then, {batches.version} now); the run goes on with those that are there."))
        if steps != spec["training"]["steps"]:
            run.log("info", f"Training to step {steps} instead of the spec's {spec['training']['steps']}; the schedule follows.")
        if run.step < steps:
            report("first-step", 0, 1, "step")
        # Simulated devices share the machine's processors: a second step in waiting would only be in the way.
        ahead = 0 if devices[0].platform == "cpu" else 2
        return Loop(run, trainer, batches, resumed, alerts, sharded, ahead, workers.count == 1).go(stop_asked)
    except StopAsked:
        return "stopped", f"Stopped before training began, at step {run.step} of {steps}."


def _read_alike(batches: BatchSource, place: str, workers: Workers) -> None:
    """Each worker reads a bucket by itself, as fast as its network is."""
    if workers.count == 1 or not batches.version:
        return
    workers.together()
    if not all_say(told_by_leader(batches.version) == batches.version):
        raise RunFailure("data-error", f"{place} was changed while the workers read it; start the run again once nobody writes there.")


def _devices(wanted: str, ranks: int, workers: Workers) -> list[Any]:
    """The devices that a spec's `device` means, of all processes."""
    kind, _, number = wanted.partition(":")
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", -(-ranks // workers.count))
    if kind == "cpu":
        jax.config.update("jax_platforms", "cpu")
    workers.join_devices()
    try:
        if kind == "auto":
            return jax.devices()
        devices = jax.devices("cuda" if kind == "cuda" else kind)
        return devices[int(number):] if number else devices
    except RuntimeError as error:
        raise RunFailure("device-error", f"JAX finds no {'GPU' if kind == 'cuda' else kind.upper()} here ({str(error).splitlines()[0]}); choose the device auto, or install JAX for it.") from error


def keep_compilations() -> None:
    """Compiled programs are kept, so that a resume begins at once."""
    if jax.config.jax_compilation_cache_dir is None:
        folder = program_folder()
        forget_unused(folder)
        jax.config.update("jax_compilation_cache_dir", str(folder))


def _name_of(devices: list[Any], ranks: int) -> str:
    kind = "cpu" if devices[0].platform == "cpu" else devices[0].device_kind
    return f"{kind} × {ranks}" if ranks > 1 else kind


def _restore(path: Path, trainer: Trainer, report: Progress, leads: bool, sharded: ShardedState | None) -> tuple[Resumed, Alerts, list[str]]:
    """Goes on from the newest checkpoint whose checksums hold. Process 0 reads it and tells the others."""
    found, failure = None, None
    if leads:
        try:
            found = _read_newest(path, trainer, report)
        except RunFailure as error:
            failure = [error.reason, str(error)]
    step, failure = told_by_leader([found.stored.step if found else 0, failure])
    if failure:
        raise RunFailure(*failure)
    if step == 0:
        trainer.begin()
        return Resumed(0, 0, 0.0, None), Alerts(), []
    folder = Path(told_by_leader(str(found.stored.folder) if found else ""))
    shards = None
    # One process reads the files that the manifest vouches for; of several each reads its own shards, where they can be read.
    if sharded and jax.process_count() > 1:
        try:
            shards = sharded.load(folder, trainer.abstract())
        except Exception as error:  # noqa: BLE001 - Orbax has many; the other files hold the same
            say(f"The shards in {folder / ORBAX} can't be read ({error}); the checkpoint's other files are.")
    if all_say(shards is not None):
        trainer.go_on(shards, step)
    else:
        model, optimizer = trainer.expected()
        trainer.load(arrays_of_leader(found and found.model, model), arrays_of_leader(found and found.optimizer, optimizer), step)
    tokens, seconds, loss = told_by_leader([found.stored.manifest[name] for name in ("tokens", "seconds", "evaluationLoss")] if found else None)
    data = str(found.stored.manifest["position"].get("data", "")) if found else ""
    return Resumed(step, tokens, seconds, loss, data), Alerts(_alerts_of(found.stored.folder) if found else None), found.damaged if found else []


class Found(NamedTuple):
    stored: Stored
    model: Tensors
    optimizer: Tensors
    damaged: list[str]
    """A sentence for each newer checkpoint that could not be used and was set aside."""


def _read_newest(path: Path, trainer: Trainer, report: Progress) -> Found | None:
    """None at the first start."""
    all_stored, unusable = list_checkpoints(path), []
    model, optimizer = trainer.expected()
    for stored in all_stored:
        wrong = damage_of(stored, lambda done, total: report("loading-checkpoint", done, total, "bytes"))
        if wrong is None:
            try:
                values, step = read_tensors(stored.folder / MODEL, model)
                moments, other = read_tensors(stored.folder / OPTIMIZER, optimizer)
                if not step == other == stored.step:
                    raise RunFailure("checkpoint-error", f"The files of the checkpoint {stored.folder} are of different steps; use another checkpoint.")
                return Found(stored, values, moments, [f"The checkpoint of step {bad.step} is damaged ({why}) and was set aside as {set_aside(bad)}; going on from step {step}." for bad, why in unusable])
            except RunFailure as failure:
                wrong = str(failure)
        unusable.append((stored, wrong))
    if all_stored:
        which = "The only checkpoint can't" if len(all_stored) == 1 else f"None of the {len(all_stored)} checkpoints can"
        raise RunFailure("checkpoint-error", f"{which} be used: that of step {all_stored[0].step} is damaged ({unusable[0][1]}). Duplicate the run to start again from step 0.")
    return None


def _alerts_of(folder: Path) -> dict[str, Any] | None:
    """Absent in checkpoints of trainers that keep none."""
    try:
        return json.loads((folder / ALERTS).read_text("utf8"))
    except (OSError, ValueError):
        return None
