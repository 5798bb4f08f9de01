# Says which Python this is and what JAX has here: one line, MARK json {...}. Standard library alone, Python 3.6 or later, so that
# an old one can be named rather than fail.
import json
import os
import subprocess
import sys

MARK, BUSY = sys.argv[1], sys.argv[2] == "busy"
PACKAGES = ["jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "safetensors", "numpy", "scipy", "libtpu"]
# Another process: importing JAX may hang on a broken driver, and must not hold up the rest.
PROBE = """
import json
try:
    import jax
    kinds = {}
    for device in jax.local_devices():
        try:
            memory = (device.memory_stats() or {}).get("bytes_limit")
        except Exception:
            memory = None
        key = (device.platform, device.device_kind, memory)
        kinds[key] = kinds.get(key, 0) + 1
    devices = [dict(platform=p, kind=k, count=n, memoryBytes=m) for (p, k, m), n in kinds.items()]
    print(json.dumps(dict(backend=jax.default_backend(), devices=devices, problem=None)))
except Exception as error:
    print(json.dumps(dict(backend=None, devices=[], problem=("%s: %s" % (type(error).__name__, error)))))
"""


def versions():
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:
        return {}
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def devices():
    if BUSY:
        return {"backend": None, "devices": [], "problem": "not asked, since another process holds the TPU"}
    environment = dict(os.environ, XLA_PYTHON_CLIENT_PREALLOCATE="false", TF_CPP_MIN_LOG_LEVEL="3", JAX_LOGGING_LEVEL="ERROR", PYTHONDONTWRITEBYTECODE="1")
    try:
        done = subprocess.run([sys.executable, "-c", PROBE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env=environment)
    except subprocess.TimeoutExpired:
        return {"backend": None, "devices": [], "problem": "JAX did not name its devices within 60 seconds"}
    try:
        return json.loads(done.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it ended with code %d" % done.returncode]
        return {"backend": None, "devices": [], "problem": last[0][:300]}


installed = versions()
answer = {"version": "%d.%d.%d" % sys.version_info[:3], "path": sys.executable, "packages": installed}
answer["jax"] = devices() if installed.get("jax") else None
print("%s json %s" % (MARK, json.dumps(answer)))
