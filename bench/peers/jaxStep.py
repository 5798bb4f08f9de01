"""One training step of the JAX trainer of remote hosts, jitted for one device, timed on request: it computes what the engine computes, from the same spec.

Asked (stepping.py) for {"spec", "vocabulary", "sizes", "input", "labels"}.
"""

import json
import tempfile
from pathlib import Path

import jax
import numpy as np
from stepping import answer_steps, request
from switchyard_jax.devices import Devices, mesh_of
from switchyard_jax.mesh.axes import MeshShape
from switchyard_jax.model.sizes import model_of
from switchyard_jax.spec import read_spec
from switchyard_jax.trainer import Trainer
from switchyard_jax.training_step import Program


def main():
    asked = request()
    rows = asked["sizes"]["batch"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spec.json").write_text(json.dumps(asked["spec"]))
        spec = read_spec(Path(folder), MeshShape())
    batch = {name: np.array(asked[name], dtype=np.int32).reshape(rows, -1) for name in ("input", "labels") if asked[name]}
    program = Program(model_of(spec, asked["sizes"]["vocabulary"], 0), MeshShape(), spec["training"])
    trainer = Trainer(spec, 1000, Devices(program, mesh_of(MeshShape(), jax.devices()[:1])))
    trainer.begin()
    trainer.compile(batch)
    done = 0

    def step():
        nonlocal done
        done += 1
        trainer.scalars(trainer.step(done, batch, 0))

    for _ in range(3):
        step()
    answer_steps(step, f"jax {jax.__version__}", trainer.parameter_count)


main()
