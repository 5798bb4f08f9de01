"""One training step of the JAX trainer of remote hosts, jitted for one device, timed on request: it computes what the engine computes, from the same spec.

Reads JSON lines: first {"spec", "vocabulary", "sizes", "input", "labels"}, then {"steps": n}; answers {"ready": ...} and {"seconds": [...]}.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from switchyard_jax.devices import Devices, mesh_of
from switchyard_jax.mesh.axes import MeshShape
from switchyard_jax.model.sizes import model_of
from switchyard_jax.spec import read_spec
from switchyard_jax.trainer import Trainer
from switchyard_jax.training_step import Program


def main():
    request = json.loads(sys.stdin.readline())
    rows = request["sizes"]["batch"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spec.json").write_text(json.dumps(request["spec"]))
        spec = read_spec(Path(folder), MeshShape())
    batch = {name: np.array(request[name], dtype=np.int32).reshape(rows, -1) for name in ("input", "labels") if request[name]}
    program = Program(model_of(spec, request["sizes"]["vocabulary"], 0), MeshShape(), spec["training"])
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
    answer({"ready": True, "version": f"jax {jax.__version__}", "parameters": trainer.parameter_count})
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        answer({"seconds": seconds})


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


main()
