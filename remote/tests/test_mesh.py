"""Every mesh of 8 devices does what one device does: losses, routing, evaluation, and after three steps all parameters and moments, with dropout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from switchyard_jax.failure import RunFailure
from switchyard_jax.mesh.axes import ONE, MeshShape
from switchyard_jax.run.sharded import ShardedState
from switchyard_jax.spec import read_spec
from test_native import assert_routing, assert_same, random_batches, spec_of, trainer_of
from conftest import write_json

# Small enough to compile in seconds, and divided by all axes: 8 heads, experts and rows; a dense and a sparse block.
MODEL = {"architecture": "decoder-only", "dModel": 16, "dFf": 16, "heads": 8, "dKv": 2, "decoderLayers": 2, "sparse": {"experts": 8, "capacityFactor": {"training": 1.0}}}
MESHES = [MeshShape(data, expert, 8 // data // expert) for data in (1, 2, 4, 8) for expert in (1, 2, 4, 8) if data * expert <= 8]


def run_on(folder: Path, mesh: MeshShape, model: dict[str, Any], training: dict[str, Any] | None = None) -> tuple[list[Any], Any]:
    """What three steps and an evaluation say, and the parameters and moments after them."""
    trainer = trainer_of(folder, spec_of(model, {"batchSize": 8, "schedule": "constant", "learningRate": 0.01, **(training or {})}), mesh)
    trainer.begin()
    batches = random_batches(3, False, rows=8)
    trainer.compile(batches[0])
    facts: list[Any] = []
    for step, batch in enumerate(batches, 1):
        stepped = trainer.step(step, batch, 0)
        facts.append((trainer.scalars(stepped), trainer.routing(stepped.output.routed, stepped.lengths, True)))
    output, lengths = trainer.evaluate(batches[0])
    facts.append((dict(zip("lrse", np.asarray(output.sums).tolist())), trainer.routing(output.routed, lengths, False)))
    return facts, trainer.tensors()


def assert_same_run(found: tuple[list[Any], Any], wanted: tuple[list[Any], Any]) -> None:
    for (scalars, layers), (others, wanted_layers) in zip(found[0], wanted[0], strict=True):
        assert scalars == pytest.approx(others, rel=1e-4)
        assert_routing(layers, wanted_layers)
    for tensors, others in zip(found[1], wanted[1], strict=True):
        assert_same(tensors, others, 1e-3)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Any]:
    return run_on(tmp_path_factory.mktemp("one"), ONE, MODEL)


@pytest.mark.parametrize("mesh", MESHES, ids=lambda mesh: f"{mesh.data}x{mesh.expert}x{mesh.model}")
def test_a_mesh_is_as_one_device(tmp_path: Path, one: tuple[list[Any], Any], mesh: MeshShape) -> None:
    assert_same_run(run_on(tmp_path, mesh, MODEL), one)


def test_groups_of_a_device_and_rematerialised_blocks(tmp_path: Path) -> None:
    """Sequences route alike on any mesh; a device that counts capacity by itself drops as its share alone would."""
    by_sequence = {**MODEL, "sparse": {"experts": 8, "routing": "top-k", "capacityGroup": "sequence", "capacityFactor": {"training": 1.0}}}
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    assert_same_run(run_on(tmp_path / "a", MeshShape(2, 4, 1), by_sequence), run_on(tmp_path / "b", ONE, by_sequence))


def test_shards_of_one_mesh_are_read_on_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    spec = spec_of(MODEL, {"batchSize": 8, "optimizer": {"kind": "adamw"}})
    writer, reader = trainer_of(tmp_path / "a", spec, MeshShape(2, 2, 2)), trainer_of(tmp_path / "b", {**spec, "seed": 8}, MeshShape(1, 4, 2))
    writer.begin(), reader.begin()
    values = writer.tensors()
    shards = ShardedState()
    shards.save(tmp_path, writer.arrays())
    shards.wait()
    assert_same(writer.named(ShardedState.whole(tmp_path, writer.abstract()))[0], values[0], 0)
    reader.go_on(shards.load(tmp_path, reader.abstract()), 3)
    for found, wanted in zip(reader.tensors(), values, strict=True):
        assert_same(found, wanted, 0)


def test_a_mesh_that_does_not_divide_the_model_is_refused_at_its_field(tmp_path: Path) -> None:
    write_json(tmp_path / "spec.json", spec_of({"sparse": {"experts": 4}}))
    for mesh, field in ((MeshShape(1, 8, 1), "mesh.expert"), (MeshShape(1, 1, 4), "mesh.model"), (MeshShape(8, 1, 1), "training.batchSize")):
        with pytest.raises(RunFailure, match=field) as raised:
            read_spec(tmp_path, mesh)
        assert raised.value.reason == "spec-error"
