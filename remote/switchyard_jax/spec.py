"""The spec of a run as the trainer follows it: what was left out filled in, what it can't do refused at the field that a person would change."""

from pathlib import Path
from typing import Any

from .contract import CONTRACT
from .failure import RunFailure
from .mesh.axes import MeshShape
from .run.directory import read_json_spec


def _wrong(path: str, message: str) -> RunFailure:
    return RunFailure("spec-error", f"The spec is wrong at {path}: {message}")


_KINDS: tuple[tuple[Any, str], ...] = ((bool, "true or false"), ((int, float), "a number"), (str, "text"), (list, "a list"), (dict, "an object"))


def _filled(given: Any, defaults: Any, path: str) -> Any:
    """`given` with the defaults of what it leaves out."""
    for kinds, words in _KINDS:
        if isinstance(defaults, kinds):
            # null turns off what can be turned off; the rules between fields were looked at where the spec was made.
            if given is not None and (not isinstance(given, kinds) or (kinds is not bool and isinstance(given, bool))):
                raise _wrong(path.rstrip("."), f"this must be {words}.")
            break
    if not isinstance(given, dict) or not isinstance(defaults, dict):
        return given
    if "kind" in defaults and given.get("kind", defaults["kind"]) != defaults["kind"]:
        return given  # another choice altogether
    unknown = [name for name in given if name not in defaults]
    if unknown and "kind" not in defaults:
        raise _wrong(f"{path}{unknown[0]}", "there is no such field.")
    return {**given, **{name: _filled(given[name], value, f"{path}{name}.") if name in given else value for name, value in defaults.items()}}


def _at(spec: Any, path: str) -> Any:
    """The value of a field; a missing one where a field above it is off."""
    for name in path.split("."):
        if not isinstance(spec, dict):
            return _at
        spec = spec.get(name, _at)
    return spec


def read_spec(directory: Path, mesh: MeshShape | None) -> dict[str, Any]:
    """mesh: what this start asks for instead of the spec's. @raises RunFailure with the sentence for the person"""
    given = read_json_spec(directory)
    spec = _filled(given, CONTRACT["defaults"], "")
    optimizer = spec["training"]["optimizer"]
    defaults = CONTRACT["optimizers"].get(optimizer.get("kind") if isinstance(optimizer, dict) else None)
    if defaults is None:
        raise _wrong("training.optimizer", "choose AdamW or Adafactor.")
    spec["training"]["optimizer"] = {**defaults, **optimizer}
    for limit in CONTRACT["limits"]:
        value = _at(spec, limit["path"])
        if value is not _at and value not in limit["values"]:
            raise _wrong(limit["path"], limit["message"])
    if mesh is not None:
        spec["mesh"] = {"data": mesh.data, "expert": mesh.expert, "model": mesh.model}
    _check_mesh(spec)
    return spec


def mesh_shape(spec: dict[str, Any]) -> MeshShape:
    return MeshShape(spec["mesh"]["data"], spec["mesh"]["expert"], spec["mesh"]["model"])


def _check_mesh(spec: dict[str, Any]) -> None:
    """What an axis cuts must be a multiple of it: contract/meshFit.ts."""
    mesh, model, training = mesh_shape(spec), spec["model"], spec["training"]
    sparse = model["sparse"]
    if mesh.expert > 1 and sparse is None:
        raise _wrong("mesh.expert", "A dense model has no experts to split; use the data or the model axis.")
    if sparse and sparse["experts"] % mesh.expert:
        raise _wrong("mesh.expert", f"{sparse['experts']} experts can't be split evenly over {mesh.expert} devices; choose an expert axis that divides them.")
    if model["heads"] % mesh.model:
        raise _wrong("mesh.model", f"{model['heads']} attention heads can't be split evenly over {mesh.model} devices; choose a model axis that divides them.")
    if model["dFf"] % mesh.model:
        raise _wrong("mesh.model", f"{model['dFf']} feed-forward columns can't be split evenly over {mesh.model} devices; choose a model axis that divides them.")
    if training["batchSize"] % mesh.shares:
        raise _wrong("training.batchSize", f"A batch of {training['batchSize']} can't be split evenly over the {mesh.data} × {mesh.expert} devices of the data and expert axes; make it a multiple of {mesh.shares}.")
