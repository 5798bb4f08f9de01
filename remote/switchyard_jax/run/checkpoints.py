"""Checkpoints: written aside, checksummed, made visible by one rename with the manifest already inside. trainer/run/checkpoints.ts reads and writes the same."""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..failure import RunFailure, as_failure
from .directory import PARTIAL, sync_folder, write_flushed

MODEL, OPTIMIZER, ALERTS = "model.safetensors", "optimizer.safetensors", "alerts.json"
Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Stored:
    folder: Path
    manifest: dict[str, Any]

    @property
    def step(self) -> int:
        return self.manifest["step"]

    @property
    def bytes(self) -> int:
        return sum(file["bytes"] for file in self.manifest["files"])


def list_checkpoints(run: Path) -> list[Stored]:
    """Checkpoints with a readable manifest, newest first. Checksums are not looked at."""
    root, found = run / "checkpoints", []
    for folder in root.iterdir() if root.is_dir() else ():
        if not re.fullmatch(r"step-\d+", folder.name):
            continue
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf8"))
            files = [(str(file["name"]), int(file["bytes"]), str(file["sha256"])) for file in manifest["files"]]
            if manifest["v"] == 1 and isinstance(manifest["step"], int) and all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", name) for name, _, _ in files):
                found.append(Stored(folder, manifest))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a checkpoint without a manifest does not exist
    return sorted(found, key=lambda one: -one.step)


def damage_of(stored: Stored, progress: Callable[[int, int], None]) -> str | None:
    """What is wrong with a checkpoint's files, or None when sizes and checksums hold."""
    done = 0
    for file in stored.manifest["files"]:
        name, digest, size = file["name"], hashlib.sha256(), 0
        try:
            with open(stored.folder / name, "rb") as content:
                while block := content.read(1 << 20):
                    size += len(block)
                    if size > file["bytes"]:
                        break
                    digest.update(block)
                    done += len(block)
                    progress(done, stored.bytes)
        except OSError as error:
            return f"{name} can't be read ({error.strerror})"
        if size != file["bytes"]:
            return f"{name} has another size than recorded"
        if digest.hexdigest() != file["sha256"]:
            return f"{name} does not match its checksum"
    return None


def read_tensors(path: Path, expected: dict[str, tuple[int, ...]]) -> tuple[Tensors, int]:
    """Exactly these fp32 tensors, and the step that the file is of. @raises RunFailure in a sentence"""
    try:
        with safe_open(path, framework="numpy") as file:
            step = int((file.metadata() or {}).get("step", ""))
            names = set(file.keys())
            for name, shape in expected.items():
                if name not in names:
                    raise RunFailure("checkpoint-error", f"The checkpoint file {path} has no tensor {name}; it belongs to another model.")
                part = file.get_slice(name)
                if tuple(part.get_shape()) != shape:
                    raise RunFailure("checkpoint-error", f"The tensor {name} of the checkpoint file {path} has shape {list(part.get_shape())} where this model has {list(shape)}; it belongs to another model.")
                if part.get_dtype() != "F32":
                    raise RunFailure("checkpoint-error", f"The tensor {name} of the checkpoint file {path} has another number type than this model.")
            if len(names) != len(expected):
                raise RunFailure("checkpoint-error", f"The checkpoint file {path} holds {len(names)} tensors where this model has {len(expected)}; it belongs to another model.")
            return {name: file.get_tensor(name) for name in expected}, step
    except (SafetensorError, OSError, ValueError) as error:
        raise RunFailure("checkpoint-error", f"The file {path} is damaged or not a checkpoint's: {error}.") from error


def begin_checkpoint(run: Path, step: int) -> Path:
    """The folder that a checkpoint is written into before it appears."""
    aside = run / "checkpoints" / f".step-{step}{PARTIAL}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    return aside


def finish_checkpoint(aside: Path, tensors: tuple[Tensors, Tensors], alerts: dict[str, Any], facts: dict[str, Any]) -> int:
    """Writes parameters and moments, whole and by the engine's names, and what the alerts have seen. Returns the bytes written."""
    root, step = aside.parent, facts["step"]
    folder = root / f"step-{step}"
    try:
        for name, part in zip((MODEL, OPTIMIZER), tensors, strict=True):
            save_file(part, aside / name, {"format": "switchyard", "step": str(step)})
        write_flushed(aside / ALERTS, json.dumps(alerts).encode())
        files = [_written(aside / name) for name in (MODEL, OPTIMIZER, ALERTS)]
        write_flushed(aside / "manifest.json", json.dumps({"v": 1, "t": time.time(), **facts, "files": files}).encode())
        sync_folder(aside)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one of the same step
        os.replace(aside, folder)
        sync_folder(root)
        return sum(file["bytes"] for file in files)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, SafetensorError):
            raise as_failure(error) from error
        raise


def _written(path: Path) -> dict[str, Any]:
    """A file's entry in the manifest, once it is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def best_of(stored: list[Stored]) -> Stored | None:
    """The checkpoint with the lowest evaluation loss, the newest of equals; None when none was evaluated."""
    evaluated = [one for one in stored if one.manifest.get("evaluationLoss") is not None]
    return min(evaluated, key=lambda one: one.manifest["evaluationLoss"], default=None)


def retain(run: Path, keep_last: int, keep_best: bool) -> list[Stored]:
    """Removes all but the newest and, where asked, the best. Returns those removed."""
    stored = list_checkpoints(run)
    best = best_of(stored) if keep_best else None
    removed = [one for one in stored[keep_last:] if best is None or one.folder != best.folder]
    for one in removed:
        (one.folder / "manifest.json").unlink(missing_ok=True)  # from here on it does not exist, even when killed half way
        shutil.rmtree(one.folder, ignore_errors=True)
    return removed


def set_aside(stored: Stored) -> str:
    """Puts a damaged checkpoint where it neither counts among those kept nor stands in the way of the one that will be written at its step."""
    aside = stored.folder.with_name(f"damaged-{stored.folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(stored.folder, aside)
    sync_folder(aside.parent)
    return f"checkpoints/{aside.name}"
