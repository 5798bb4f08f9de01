"""Every mesh of 8 devices does what one device does: losses, routing, evaluation, and after three steps all parameters and moments, with dropout."""

from pathlib import Path
from typing import Any, NamedTuple

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


class Ran(NamedTuple):
    """What three steps said, and the parameters and moments after them; and an evaluation of these, where it was asked for."""

    steps: list[tuple[dict[str, float], list[dict[str, Any]]]]
    tensors: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]
    evaluation: tuple[np.ndarray, list[dict[str, Any]]] | None


def run_on(folder: Path, mesh: MeshShape, model: dict[str, Any], evaluates: bool, rematerialise: bool = False, optimizer: dict[str, Any] | None = None) -> Ran:
    """optimizer: AdamW by default."""
    folder.mkdir(exist_ok=True)
    training = {"batchSize": 8, "schedule": "constant", "learningRate": 0.01, "optimizer": optimizer or {"kind": "adamw"}}
    trainer = trainer_of(folder, spec_of(model, training), mesh, rematerialise)
    trainer.begin()
    batches = random_batches(3, False, rows=8)
    trainer.compile(batches[0])
    steps = []
    for step, batch in enumerate(batches, 1):
        stepped = trainer.step(step, batch, 0)
        steps.append((trainer.scalars(stepped), trainer.routing(stepped.output.routed, stepped.lengths, True)))
    if not evaluates:
        return Ran(steps, trainer.tensors(), None)
    output, lengths = trainer.evaluate(batches[0])
    return Ran(steps, trainer.tensors(), (np.asarray(output.sums), trainer.routing(output.routed, lengths, False)))


def assert_same_run(found: Ran, wanted: Ran) -> None:
    for (scalars, layers), (others, other_layers) in zip(found.steps, wanted.steps, strict=True):
        assert scalars == pytest.approx(others, rel=1e-4)
        assert_routing(layers, other_layers)
    for tensors, others in zip(found.tensors, wanted.tensors, strict=True):
        assert_same(tensors, others, 1e-3)
    if found.evaluation:
        np.testing.assert_allclose(found.evaluation[0], wanted.evaluation[0], rtol=1e-4)
        assert_routing(found.evaluation[1], wanted.evaluation[1])


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_on(tmp_path_factory.mktemp("one"), ONE, MODEL, True)


@pytest.mark.parametrize("mesh", MESHES, ids=lambda mesh: f"{mesh.data}x{mesh.expert}x{mesh.model}")
def test_a_mesh_is_as_one_device(tmp_path: Path, one: Ran, mesh: MeshShape) -> None:
    assert_same_run(run_on(tmp_path, mesh, MODEL, evaluates=mesh == MeshShape(2, 2, 2)), one)


def test_groups_smaller_than_the_batch_and_rematerialised_blocks(tmp_path: Path) -> None:
    """Sequences compete alike on any mesh. A device that counts capacity by itself, with one sequence of its own, does the same. Blocks here repeat."""
    def by(group: str) -> dict[str, Any]:
        return {**MODEL, "sparse": {"experts": 8, "every": 1, "routing": "top-k", "capacityGroup": group, "capacityFactor": {"training": 1.0}}}

    alone = run_on(tmp_path / "one", ONE, by("sequence"), False)
    assert_same_run(run_on(tmp_path / "sequence", MeshShape(2, 4, 1), by("sequence"), False, rematerialise=True), alone)
    assert_same_run(run_on(tmp_path / "rank", MeshShape(8, 1, 1), by("rank"), False), alone)


def test_whole_updates_are_as_shared_ones(tmp_path: Path, one: Ran) -> None:
    assert_same_run(run_on(tmp_path, MeshShape(2, 2, 2), MODEL, False, optimizer={"kind": "adamw", "shareUpdates": False}), one)


def test_adafactor_takes_its_means_over_whole_matrices(tmp_path: Path) -> None:
    adafactor = {"kind": "adafactor", "weightDecay": 0.01}
    alone = run_on(tmp_path / "one", ONE, MODEL, False, optimizer=adafactor)
    assert_same_run(run_on(tmp_path / "mesh", MeshShape(2, 2, 2), MODEL, False, optimizer=adafactor), alone)


def test_moments_are_shared_among_devices_that_hold_the_same_weights(tmp_path: Path) -> None:
    spec = spec_of(MODEL, {"batchSize": 8, "optimizer": {"kind": "adamw"}})
    trainer = trainer_of(tmp_path, spec, MeshShape(4, 2, 1))
    trainer.begin()
    arrays = trainer.arrays()
    for kind in ("first_moment", "second_moment"):
        for key, moment in arrays[kind].items():
            held, value = moment.addressable_shards[0].data.size, arrays["values"][key].addressable_shards[0].data.size
            assert value // held == (4 if "experts" in key else 8), key


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


def test_a_mesh_of_more_devices_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFailure, match="The mesh has 16 ranks and there are 8 CPU devices; choose a smaller mesh.") as raised:
        trainer_of(tmp_path, spec_of(MODEL, {"batchSize": 16}), MeshShape(16, 1, 1))
    assert raised.value.reason == "device-error"
