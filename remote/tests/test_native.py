"""The model, its losses, routing, gradients and updates are those of the native engine, from the same first weights and batches, dropout included."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import jax
from conftest import NODE, ROOT, write_json
from switchyard_jax.devices import Devices, mesh_of
from switchyard_jax.mesh.axes import ONE, MeshShape
from switchyard_jax.model.sizes import model_of
from switchyard_jax.spec import read_spec
from switchyard_jax.trainer import Trainer
from switchyard_jax.training_step import Program

TOLERANCE = 1e-4
"""Of the largest value of a tensor, in fp32."""
TINY = {"dModel": 16, "dFf": 32, "heads": 2, "dKv": 8, "encoderLayers": 2, "decoderLayers": 2, "precision": "fp32"}


def spec_of(model: dict[str, Any], training: dict[str, Any] | None = None) -> dict[str, Any]:
    data = {"objective": "causal"} if model.get("architecture") == "decoder-only" else {}
    return {"seed": 7, "device": "cpu", "model": {**TINY, **model}, "data": data, "training": {"batchSize": 4, "steps": 20, "warmupSteps": 2, "threads": 1, **(training or {})}}


def random_batches(count: int, encoder: bool, rows: int = 4) -> list[dict[str, np.ndarray]]:
    """Token ids with padding at the ends of some rows."""
    random = np.random.default_rng(5)
    batches = []
    for _ in range(count):
        source, labels = random.integers(1, 384, (rows, 12), dtype=np.int32), random.integers(1, 384, (rows, 8), dtype=np.int32)
        source[1, 7:] = 0
        labels[2, 5:] = 0
        batches.append({"input": source, "labels": labels} if encoder else {"labels": labels})
    return batches


def wire(batch: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: ids.tolist() for name, ids in batch.items()}


def on_engine(folder: Path, spec: dict[str, Any], batches: list[dict[str, np.ndarray]], **more: Any) -> dict[str, Any]:
    asked = {"spec": spec, "vocabularySize": 384, "pad": 0, "result": str(folder / "result.json"), "steps": [wire(batch) for batch in batches], "evaluate": [], "logits": [], **more}
    done = subprocess.run([NODE, ROOT / "remote/tests/engine.ts", write_json(folder / "asked.json", asked)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "result.json").read_text())


def trainer_of(folder: Path, spec: dict[str, Any], mesh: MeshShape = ONE, rematerialise: bool = False) -> Trainer:
    write_json(folder / "spec.json", spec)
    whole = read_spec(folder, mesh)
    program = Program(model_of(whole, 384, 0), mesh, whole["training"], rematerialise)
    return Trainer(whole, whole["training"]["steps"], Devices(program, mesh_of(mesh, jax.devices())))


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], tolerance: float = TOLERANCE) -> None:
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * max(np.abs(value).max(), 1e-9), err_msg=name)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "switch": ({"sparse": {"experts": 4}, "encoderLayers": 4}, {}),
    "top-2 with every kind of chance": (
        {"architecture": "decoder-only", "feedForward": "gated-gelu", "tiedEmbeddings": False, "encoderLayers": 4, "decoderLayers": 3,
         "sparse": {"experts": 4, "routing": "top-k", "laterChoices": "random", "exploration": "jitter", "priority": "probability", "zLoss": 0.01, "every": 1}},
        {"optimizer": {"kind": "adafactor", "weightDecay": 0.01}, "schedule": "cosine", "l1": 1e-4, "l2": 1e-3}),
    "budget, sampling, groups by sequence, frozen parts": (
        {"feedForward": "gated-silu", "sparse": {"experts": 4, "routing": "top-k", "choices": 3, "budget": 1.5, "exploration": "sampling", "capacityGroup": "sequence",
                                                   "auxiliaryLossForm": "hugging-face", "layers": {"encoder": [0], "decoder": [1]}}},
        {"freeze": ["embeddings", "norms"], "optimizer": {"kind": "adamw", "weightDecay": 0.1}, "schedule": "linear"}),
}


@pytest.mark.usefixtures("addon")
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_engine(tmp_path: Path, case: str) -> None:
    model, training = CASES[case]
    spec = spec_of(model, training)
    batches = random_batches(3, model.get("architecture") != "decoder-only")
    engine = on_engine(tmp_path, spec, batches, first=str(tmp_path / "first"), last=str(tmp_path / "last"), evaluate=[wire(batches[0])])

    trainer = trainer_of(tmp_path, spec)
    trainer.begin()
    # The same seed draws the same first weights.
    assert_same(trainer.tensors()[0], load_file(tmp_path / "first/model.safetensors"), 2e-6)
    output, lengths = trainer.evaluate(batches[0])
    wanted = engine["evaluations"][0]
    np.testing.assert_allclose(np.asarray(output.sums), [wanted["lossSum"], wanted["correct"], wanted["sequences"], wanted["exact"]], rtol=TOLERANCE)
    assert_routing(trainer.routing(output.routed, lengths, False), wanted["routing"])

    trainer.compile(batches[0])
    for batch, wanted in zip(batches, engine["steps"], strict=True):
        stepped = trainer.step(wanted["step"], batch, 0)
        for name, value in trainer.scalars(stepped).items():
            assert value == pytest.approx(wanted[name], rel=TOLERANCE), name
        assert stepped.learning_rate == pytest.approx(wanted["learningRate"], rel=1e-12)
        assert_routing(trainer.routing(stepped.output.routed, stepped.lengths, True), wanted["routing"])
    values, moments = trainer.tensors()
    assert_same(values, load_file(tmp_path / "last/model.safetensors"))
    assert_same(moments, load_file(tmp_path / "last/optimizer.safetensors"))


def assert_routing(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert len(found) == len(wanted)
    for layer, other in zip(found, wanted, strict=True):
        assert set(layer) == set(other)
        for name in ("stack", "layer", "experts", "capacity", "groups", "tokens", "load", "kept"):
            assert layer[name] == other[name], name
        for name in ("probability", "entropy", "confidence", "dropped", "auxiliaryLoss", "zLoss"):
            np.testing.assert_allclose(layer[name], other[name], rtol=TOLERANCE, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(np.array(layer["dropAtCapacityFactor"]), np.array(other["dropAtCapacityFactor"]), atol=1e-6)


@pytest.mark.usefixtures("addon")
def test_gradients_and_logits_are_those_of_the_engine(tmp_path: Path) -> None:
    """After one step of AdamW without clipping the first moment is (1 - beta1) times the gradient. Without dropout, so that nothing is left to chance."""
    model = {"dropout": 0, "sparse": {"experts": 4, "expertDropout": 0, "every": 1}, "encoderLayers": 1, "decoderLayers": 1}
    spec = spec_of(model, {"gradientClip": 0})
    batch = random_batches(1, True)[0]
    # Without labels a token is padding where the decoder reads it as such.
    read = np.concatenate([np.zeros_like(batch["labels"][:, :1]), batch["labels"][:, :-1]], axis=1)
    engine = on_engine(tmp_path, spec, [batch], last=str(tmp_path / "last"), logits=[wire({**batch, "labels": read})])
    trainer = trainer_of(tmp_path, spec)
    trainer.begin()
    logits = np.asarray(trainer.logits({**batch, "labels": read, "decoderInput": read}))
    np.testing.assert_allclose(logits.reshape(-1), engine["logits"][0], atol=TOLERANCE * np.abs(logits).max())
    trainer.compile(batch)
    trainer.step(1, batch, 0)
    gradients = {name: moment / 0.1 for name, moment in trainer.tensors()[1].items() if name.startswith("first_moment.")}
    wanted = {name: moment / 0.1 for name, moment in load_file(tmp_path / "last/optimizer.safetensors").items() if name.startswith("first_moment.")}
    assert len(wanted) == 28
    assert_same(gradients, wanted)

    # A loss that is not finite changes nothing, and neither does any step after it.
    values, moments = trainer.tensors()
    broken = {**values, "shared.weight": np.full_like(values["shared.weight"], np.nan)}
    trainer.load(broken, moments, 1)
    assert np.isnan(trainer.scalars(trainer.step(2, batch, 0))["loss"])
    trainer.step(3, batch, 0)
    for found, wanted in zip(trainer.tensors(), (broken, moments), strict=True):
        for name, value in wanted.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.usefixtures("addon")
def test_losses_in_bf16_are_near_those_of_the_engine(tmp_path: Path) -> None:
    """Products round otherwise here and there, but nothing is off to one side: the mean over steps with much dropout comes closer than a single one could."""
    spec = spec_of({"precision": "selective", "dropout": 0.3, "sparse": {"experts": 4, "expertDropout": 0.3, "every": 1}}, {"learningRate": 1e-8, "schedule": "constant"})
    batches = random_batches(8, True, rows=8)
    engine = on_engine(tmp_path, spec, batches)
    trainer = trainer_of(tmp_path, spec)
    trainer.begin()
    trainer.compile(batches[0])
    found = [trainer.scalars(trainer.step(step, batch, 0)) for step, batch in enumerate(batches, 1)]
    for name, tolerance in (("loss", 1e-4), ("gradientNorm", 1e-3), ("auxiliaryLoss", 1e-4)):
        assert np.mean([one[name] for one in found]) == pytest.approx(np.mean([one[name] for one in engine["steps"]]), rel=tolerance), name
